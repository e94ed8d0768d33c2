/** A node of the canvas: a small card with icon, title and state. A double click, or Enter, opens it. */

import { Handle, type Node, type NodeProps, Position } from "@xyflow/react";
import { memo } from "react";

import type { CanvasLab, Source } from "./api";
import { Icon } from "./Icon";

export const CARD = { width: 200, height: 120 };
export type SourceCard = Node<Source, "source">;
export type LabCard = Node<CanvasLab, "lab">;
export type CardNode = SourceCard | LabCard;

const KINDS: Record<string, string> = {
  pdf: "PDF",
  github: "Repository",
  code_lab: "Code lab",
  flashcard_lab: "Flashcards",
  quiz_lab: "Quiz",
};

/** "given_up" as "Given up". */
export function inWords(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
}

export function kindOf(type: string): string {
  return KINDS[type] ?? inWords(type);
}

export function titleOf(node: CardNode): string {
  return node.data.title ?? kindOf(node.data.type);
}

/** Its state in a word or two, and the colour of its dot. */
export function stateOf(node: CardNode): { text: string; tone: string } {
  if (node.type === "source") {
    const { status, page_count: pages } = node.data;
    if (status === "failed") return { text: "Could not be read", tone: "bad" };
    if (status === "ready") return { text: `${pages} ${pages === 1 ? "page" : "pages"}`, tone: "good" };
    return { text: node.data.metadata.url ? "Link" : "No file", tone: "" };
  }
  const { status, progress } = node.data;
  const step = progress?.step;
  if (status === "generating")
    return { text: typeof step === "string" ? `Generating: ${step}` : "Generating…", tone: "busy" };
  const tones: Record<string, string> = { completed: "good", failed: "bad", in_progress: "accent" };
  return { text: status === "pending" ? "Not started" : inWords(status), tone: tones[status] ?? "" };
}

export const Card = memo(function Card({ id, type, data }: NodeProps<CardNode>) {
  const node = { id, type, data, position: { x: 0, y: 0 } } as CardNode;
  const state = stateOf(node);
  return (
    <div className={`card of-${type}`}>
      <Handle type="target" position={Position.Left} />
      <span className="kind">
        <Icon name={data.type} />
        {kindOf(data.type)}
      </span>
      <strong title={titleOf(node)}>{titleOf(node)}</strong>
      <span className={`state ${state.tone}`}>{state.text}</span>
      <Handle type="source" position={Position.Right} />
    </div>
  );
});

export const nodeTypes = { source: Card, lab: Card };
