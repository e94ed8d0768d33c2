"""The lab types whose content is known: a file for each. Other words are free, with free content."""
