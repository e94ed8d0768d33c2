/** One workspace: its bar, its canvas, what is open of it, and the tutor next to it. */

import { applyEdgeChanges, Background, type Connection, Controls, ReactFlow, useReactFlow } from "@xyflow/react";
import { type DragEvent, useCallback, useEffect, useRef, useState } from "react";

import { api, must, type Schemas, type Source } from "./api";
import { CARD, type CardNode, nodeTypes, stateOf, titleOf } from "./Card";
import { Chat } from "./Chat";
import { ConflictBar } from "./ConflictBar";
import { Icon, IconButton } from "./Icon";
import { LabView } from "./LabView";
import { complain, tell } from "./notices";
import { useRow, WORKSPACES } from "./rows";
import { Search } from "./Search";
import { Share } from "./Share";
import { SourceView } from "./SourceView";
import { Title } from "./Title";
import { upload } from "./upload";
import { useCanvas } from "./useCanvas";

interface Props {
  id: string;
  nodeId?: string;
  page?: number;
  userId: string;
}

/** Room for the tools below. */
const FIT = { maxZoom: 1, padding: { x: "48px", top: "48px", bottom: "104px" } } as const;

export function WorkspacePage({ id, nodeId, page, userId }: Props) {
  const { row: workspace, save, conflict, keepMine, takeTheirs, edition } = useRow(WORKSPACES, id);
  const canvas = useCanvas(id);
  const { nodes, edges, viewport, history, gesture, remove, duplicate, reload } = canvas;
  const [sharing, setSharing] = useState(false);
  const [chatting, setChatting] = useState(innerWidth > 900);
  const [uploading, setUploading] = useState<{ name: string; share: number }>();
  const { screenToFlowPosition } = useReactFlow();
  const dragged = useRef<CardNode[]>([]);
  const copied = useRef<string[]>([]);
  const seen = useRef("");
  const fresh = useRef("");
  const chosen = nodes.filter((node) => node.selected).map((node) => node.id);
  const chosenEdges = edges.filter((edge) => edge.selected).map((edge) => edge.id);
  const mayEdit = !!workspace && workspace.role !== "viewer";
  const opened = nodes.find((node) => node.id === nodeId);

  const open = useCallback(
    (node?: string, page?: number) => {
      location.hash = ["#/w", id, node, page].filter(Boolean).join("/");
    },
    [id],
  );

  const close = () => {
    open();
    void reload();
  };

  /** Where something new is put: in the middle of what is seen, or where it was dropped. */
  const place = (at = { x: innerWidth / 2 - 200, y: innerHeight / 2 - 60 }) => {
    const { x, y } = screenToFlowPosition(at);
    return { x: Math.round(x / 8) * 8, y: Math.round(y / 8) * 8 };
  };

  async function addFiles(files: Iterable<File>, at?: { x: number; y: number }) {
    const shift = at ? 0 : 40 * (nodes.length % 5); // so that one does not cover what was added before
    for (const [number, file] of [...files].entries()) {
      const sourceId = crypto.randomUUID();
      const type = /\.pdf$/i.test(file.name) ? "pdf" : "note";
      const title = file.name.replace(/\.[a-z0-9]+$/i, "").slice(0, 500) || "Untitled";
      const { x, y } = place(at);
      const below = number * (CARD.height + 24);
      const source = { id: sourceId, type, title, canvas_position: { x: x + shift, y: y + shift + below } };
      await gesture(() => history.create({ sources: [source] }));
      const show = (share: number) => setUploading({ name: file.name, share });
      show(0);
      const read = await upload(sourceId, file, show).catch(complain);
      setUploading(undefined);
      if (read?.status === "ready") tell(`“${title}” was read: ${read.page_count} pages.`);
      await reload();
    }
  }

  function connect({ source, target }: Pick<Connection, "source" | "target">) {
    if (source === target || edges.some((edge) => edge.source === source && edge.target === target)) return;
    const edge = { id: crypto.randomUUID(), source, target };
    canvas.setEdges((shown) => [...shown, edge]);
    void gesture(() => history.create({ edges: [{ id: edge.id, source_node_id: source, target_node_id: target }] }));
  }

  function generate(type: string, source: Source, chapter: Schemas["Chapter"]) {
    const labId = crypto.randomUUID();
    const position = {
      x: source.canvas_position.x + 2 * CARD.width,
      y: source.canvas_position.y + (CARD.height + 24) * edges.filter((edge) => edge.source === source.id).length,
    };
    const lab = {
      id: labId,
      source_id: source.id,
      type,
      config: { chapter: chapter.position },
      canvas_position: position,
    };
    fresh.current = labId;
    void gesture(() => history.create({ labs: [lab] })).then(() => open(labId)); // its edge comes with its content
  }

  const removeChosen = () => {
    if (chosen.length || chosenEdges.length) void remove(chosen, chosenEdges);
  };
  /** Pasted again, the copies are copied, so that they do not cover each other. */
  async function paste() {
    copied.current = await duplicate(copied.current);
  }
  const undo = () => void gesture(() => history.move("back"));
  const redo = () => void gesture(() => history.move("again"));

  /** That is how a class works: everybody has a copy of their own, with its labs fresh. */
  async function copy() {
    const params = { path: { workspace_id: id } };
    const body = { id: crypto.randomUUID() };
    const own = await must(api.POST("/v1/workspaces/{workspace_id}/copy", { params, body })).catch(complain);
    if (own) location.hash = `#/w/${own.id}`;
  }

  function onKeyDown(event: KeyboardEvent) {
    const target = event.target as HTMLElement;
    if (target.closest("dialog, input, textarea, select") || document.querySelector("dialog")) return;
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (command && key === "a") canvas.setNodes((shown) => shown.map((node) => ({ ...node, selected: true })));
    else if (key === "enter" && target.dataset.id && target.classList.contains("react-flow__node"))
      open(target.dataset.id);
    else if (!mayEdit) return;
    else if (command && key === "c" && !document.getSelection()?.toString()) copied.current = chosen;
    else if (command && key === "v" && copied.current.length) void paste();
    else if (key === "delete" || key === "backspace") removeChosen();
    else if (command && key === "z") (event.shiftKey ? redo : undo)();
    else if (command && key === "y") redo();
    else return;
    event.preventDefault();
  }

  useEffect(() => {
    document.addEventListener("keydown", onKeyDown); // of the whole page: after a click on the canvas nothing has the focus
    return () => document.removeEventListener("keydown", onKeyDown);
  });

  function drop(event: DragEvent) {
    event.preventDefault();
    if (mayEdit) void addFiles(event.dataTransfer.files, { x: event.clientX, y: event.clientY });
  }

  const labelled = nodes.map((node) => ({ ...node, ariaLabel: `${titleOf(node)}, ${stateOf(node).text}` }) as CardNode);
  const titles = new Map(nodes.map((node) => [node.id, titleOf(node)]));
  const joined = edges.map((edge) => ({
    ...edge,
    ariaLabel: `From ${titles.get(edge.source)} to ${titles.get(edge.target)}`,
  }));
  const isNew = viewport?.x === 0 && viewport.y === 0 && viewport.zoom === 1;
  return (
    <div className="workspace">
      <header className="bar">
        <a className="button quiet" href="#/" aria-label="All workspaces">
          <Icon name="back" />
        </a>
        <h1>
          <Title
            key={edition}
            value={workspace?.name}
            label="Name of the workspace"
            readOnly={!mayEdit}
            onSave={(name) => void save({ name })}
          />
        </h1>
        <Search workspaceId={id} onFound={open} />
        {workspace?.role === "viewer" && (
          <button
            type="button"
            aria-label="Make my own copy"
            title="You may look at this workspace. In a copy of your own you may do all."
            onClick={() => void copy()}>
            <Icon name="copy" />
            <span className="hide-narrow">Make my own copy</span>
          </button>
        )}
        <IconButton name="share" label="Share" onClick={() => setSharing(true)} />
        <IconButton name="chat" label="Tutor" aria-pressed={chatting} onClick={() => setChatting(!chatting)} />
      </header>
      {conflict && (
        <ConflictBar theirs={conflict.theirs.name} keepMine={() => void keepMine()} takeTheirs={() => takeTheirs()} />
      )}
      <main
        className="canvas"
        aria-label="Canvas"
        aria-busy={!viewport}
        onDragOver={(event) => event.preventDefault()}
        onDrop={drop}>
        {viewport ? (
          <ReactFlow
            nodes={labelled}
            edges={joined}
            nodeTypes={nodeTypes}
            defaultViewport={viewport}
            fitView={isNew}
            fitViewOptions={FIT}
            minZoom={0.1}
            colorMode="system"
            deleteKeyCode={null}
            zoomOnDoubleClick={false}
            nodesDraggable={mayEdit}
            nodesConnectable={mayEdit}
            onlyRenderVisibleElements
            snapToGrid
            snapGrid={[8, 8]}
            onNodesChange={canvas.onNodesChange}
            onEdgesChange={(changes) => canvas.setEdges((shown) => applyEdgeChanges(changes, shown))}
            onConnect={connect}
            onNodeDoubleClick={(_, node) => open(node.id)}
            onNodeDragStart={(_, __, moving) => {
              dragged.current = moving;
            }}
            onNodeDragStop={(_, __, moving) => {
              const moves = (all: CardNode[]) => ({ nodes: all.map(({ id, position }) => ({ id, position })) });
              history.moved(moves(dragged.current), moves(moving));
            }}
            onMoveStart={(_, { x, y, zoom }) => {
              seen.current = [x, y, zoom].join();
            }}
            onMoveEnd={(event, moved) => {
              const { x, y, zoom } = moved;
              if (event && mayEdit && [x, y, zoom].join() !== seen.current) canvas.onViewport(moved); // a click moves nothing
            }}>
            <Background gap={24} />
            <Controls showInteractive={false} fitViewOptions={FIT} />
          </ReactFlow>
        ) : (
          <p className="empty">{canvas.failure || "Loading the canvas…"}</p>
        )}
        {viewport && canvas.failure && (
          <p className="panel stale refusal" role="alert">
            {canvas.failure}
          </p>
        )}
        {viewport && !nodes.length && (
          <div className="empty over">
            <h2>An empty canvas</h2>
            <p>Drop a PDF here, or add one below. Then make exercises from its chapters.</p>
          </div>
        )}
        {mayEdit && (
          <div className="toolbar" role="toolbar" aria-label="Canvas tools">
            <label className="button primary">
              <Icon name="plus" />
              Add a file
              <input
                type="file"
                className="hidden-input"
                multiple
                accept=".pdf,.md,.txt,application/pdf,text/plain,text/markdown"
                onChange={({ target }) => {
                  void addFiles(target.files ?? []);
                  target.value = "";
                }}
              />
            </label>
            <IconButton
              name="link"
              label="Connect the two selected cards"
              disabled={chosen.length !== 2}
              onClick={() => connect({ source: chosen[0]!, target: chosen[1]! })}
            />
            <IconButton
              name="copy"
              label="Duplicate"
              disabled={!chosen.length}
              onClick={() => void duplicate(chosen)}
            />
            <IconButton
              name="trash"
              label="Delete"
              disabled={!chosen.length && !chosenEdges.length}
              onClick={removeChosen}
            />
            <IconButton name="undo" label="Undo" disabled={!history.canUndo} onClick={undo} />
            <IconButton name="redo" label="Redo" disabled={!history.canRedo} onClick={redo} />
          </div>
        )}
        {uploading && (
          <div className="upload" role="status">
            <span>{uploading.share < 1 ? `Uploading ${uploading.name}` : `Reading ${uploading.name}…`}</span>
            <progress aria-label="Upload" {...(uploading.share < 1 && { value: uploading.share })} />
          </div>
        )}
      </main>
      {sharing && workspace && <Share workspace={workspace} userId={userId} onClose={() => setSharing(false)} />}
      {chatting && workspace && (
        <Chat
          workspaceId={id}
          mayEdit={mayEdit}
          nodes={nodes.map((node) => ({ id: node.id, title: titleOf(node), selected: node.selected }))}
          onCite={open}
          onClose={() => setChatting(false)}
        />
      )}
      {opened?.type === "source" && (
        <SourceView
          key={opened.id}
          id={opened.id}
          page={page}
          mayEdit={mayEdit}
          onPage={(page) => open(opened.id, page)}
          onClose={close}
          onGenerate={generate}
        />
      )}
      {opened?.type === "lab" && (
        <LabView key={opened.id} id={opened.id} begin={fresh.current === opened.id} mayEdit={mayEdit} onClose={close} />
      )}
    </div>
  );
}
