/** The little Markdown that labs and answers are written in: paragraphs, lists, headings, code, bold. Never HTML. */

import type { ReactNode } from "react";

export function Markdown({ text }: { text: string }) {
  const blocks = text.split(/^```[^\n]*\n([\s\S]*?)(?:^```[ \t]*$|(?![\s\S]))/m);
  return (
    <div className="markdown">
      {blocks.map((block, n) =>
        n % 2 ? (
          <pre key={n} tabIndex={0}>
            <code>{block}</code>
          </pre>
        ) : (
          <Prose key={n} text={block} />
        ),
      )}
    </div>
  );
}

function Prose({ text }: { text: string }) {
  return text
    .split(/\n\s*\n/)
    .filter((block) => block.trim())
    .map((block, n) => {
      const lines = block.trim().split("\n");
      if (lines.every((line) => /^\s*(?:[-*]|\d+\.)\s/.test(line))) {
        const items = lines.map((line, item) => (
          <li key={item}>{inline(line.replace(/^\s*(?:[-*]|\d+\.)\s+/, ""))}</li>
        ));
        return /^\s*\d/.test(block) ? <ol key={n}>{items}</ol> : <ul key={n}>{items}</ul>;
      }
      const heading = /^#{1,6}\s+(.*)$/.exec(lines[0]!);
      if (heading && lines.length === 1)
        return (
          <p key={n}>
            <strong>{heading[1]}</strong>
          </p>
        );
      return <p key={n}>{inline(block.trim())}</p>;
    });
}

function inline(text: string): ReactNode[] {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part, n) => {
    if (part.startsWith("`") && part.length > 2) return <code key={n}>{part.slice(1, -1)}</code>;
    if (part.startsWith("**") && part.length > 4) return <strong key={n}>{part.slice(2, -2)}</strong>;
    return part;
  });
}
