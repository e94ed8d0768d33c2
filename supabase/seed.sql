-- Applied after the migrations on a local database. Empty on purpose: every row belongs to
-- someone's account, so the sample workspace is posted through the API by its owner.
select;
