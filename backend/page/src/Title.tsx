/** A title that is edited where it is read: Enter or leaving it saves, Escape takes it back. */

interface Props {
  /** Nothing as long as it is not read. */
  value?: string;
  label: string;
  readOnly: boolean;
  onSave: (title: string) => void;
}

export function Title({ value, label, readOnly, onSave }: Props) {
  if (value === undefined) return <span className="skeleton line" />;
  return (
    <input
      key={value}
      className="title"
      aria-label={label}
      readOnly={readOnly}
      defaultValue={value}
      maxLength={255}
      onBlur={({ currentTarget: field }) => {
        const title = field.value.trim();
        if (!title) field.value = value;
        else if (title !== value) onSave(title);
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter") event.currentTarget.blur();
        if (event.key !== "Escape") return;
        event.preventDefault(); // or it would close the window that it is in
        event.currentTarget.value = value;
        event.currentTarget.blur();
      }}
    />
  );
}
