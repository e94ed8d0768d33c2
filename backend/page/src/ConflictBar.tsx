/** Somebody else, or another tab, has changed what is being edited: the learner decides. */

export function ConflictBar(props: { theirs: string; keepMine: () => void; takeTheirs: () => void }) {
  return (
    <div className="conflict" role="alert">
      <p>
        <strong>This was changed elsewhere meanwhile.</strong> Theirs: {props.theirs}
      </p>
      <button type="button" className="primary" onClick={props.keepMine}>
        Keep mine
      </button>
      <button type="button" onClick={props.takeTheirs}>
        Take theirs
      </button>
    </div>
  );
}
