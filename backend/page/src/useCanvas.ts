/** A workspace's canvas: loaded, kept fresh, laid out and edited. */

import { applyNodeChanges, type Edge, type NodeChange, type Viewport } from "@xyflow/react";
import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from "react";

import { api, must, said } from "./api";
import { CARD, type CardNode } from "./Card";
import { History, type Layout } from "./history";
import { complain } from "./notices";

/** Seconds between two looks at what others have changed, and while a lab is generated. Where there is Realtime, a channel
 * does this better. */
const REFRESH = { usual: 10, generating: 2 };
/** Milliseconds without a move, after which the layout is saved: one request for many moves. */
const SAVE_LAYOUT = 400;

export function useCanvas(workspaceId: string) {
  const [nodes, setNodes] = useState<CardNode[]>([]);
  const [edges, setEdges] = useState<Edge[]>([]);
  const [viewport, setViewport] = useState<Viewport>();
  const [failure, setFailure] = useState("");
  const [, render] = useReducer((count: number) => count + 1, 0);
  const history = useMemo(() => new History(workspaceId, render), [workspaceId]);
  const unsaved = useRef<{ nodes: Map<string, CardNode["position"]>; viewport?: Viewport; timer?: number }>({
    nodes: new Map(),
  });
  const loads = useRef(0);

  const reload = useCallback(async () => {
    const load = ++loads.current;
    const params = { path: { workspace_id: workspaceId } };
    try {
      const canvas = await must(api.GET("/v1/workspaces/{workspace_id}/canvas", { params }));
      if (load !== loads.current) return; // a later one has been asked for
      setNodes((shown) => {
        const before = new Map(shown.map((node) => [node.id, node]));
        return canvas.nodes.map((node) => {
          const old = before.get(node.id);
          const position = old && (old.dragging || unsaved.current.nodes.has(node.id)) ? old.position : node.position;
          const size = { width: node.width ?? CARD.width, height: node.height ?? CARD.height };
          return { ...old, ...node, ...size, position } as CardNode; // `old` knows what is selected and measured
        });
      });
      setEdges((shown) => {
        const before = new Map(shown.map((edge) => [edge.id, edge]));
        return canvas.edges.map((edge) => ({ ...before.get(edge.id), ...edge, label: edge.label ?? undefined }));
      });
      setViewport((shown) => shown ?? canvas.viewport);
      setFailure("");
    } catch (error) {
      setFailure(said(error));
    }
  }, [workspaceId]);

  /** Saves what was moved, in one request. `leaving`: also from a page that is being closed. */
  const saveLayout = useCallback(
    async (leaving = false) => {
      const { nodes: moved, viewport, timer } = unsaved.current;
      clearTimeout(timer);
      if (!moved.size && !viewport) return;
      const body: Layout = {
        nodes: [...moved].map(([id, position]) => ({ id, position })),
        ...(viewport && { viewport }),
      };
      unsaved.current = { nodes: new Map() };
      const options = { params: { path: { workspace_id: workspaceId } }, body, keepalive: leaving };
      await must(api.PATCH("/v1/workspaces/{workspace_id}/canvas", options)).catch((error: unknown) => {
        if (leaving) return;
        complain(error);
        void reload();
      });
    },
    [workspaceId, reload],
  );

  function saveSoon(): void {
    clearTimeout(unsaved.current.timer);
    unsaved.current.timer = window.setTimeout(() => void saveLayout(), SAVE_LAYOUT);
  }

  useEffect(() => {
    void reload();
    const look = () => {
      if (document.visibilityState === "visible") void reload();
      else void saveLayout(true);
    };
    document.addEventListener("visibilitychange", look);
    addEventListener("focus", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      removeEventListener("focus", look);
      void saveLayout();
    };
  }, [reload, saveLayout]);

  const generating = nodes.some((node) => node.type === "lab" && node.data.status === "generating");
  useEffect(() => {
    const seconds = generating ? REFRESH.generating : REFRESH.usual;
    const timer = setInterval(() => document.visibilityState === "visible" && void reload(), seconds * 1000);
    return () => clearInterval(timer);
  }, [generating, reload]);

  function onNodesChange(changes: NodeChange<CardNode>[]): void {
    setNodes((shown) => applyNodeChanges(changes, shown));
    for (const change of changes) {
      if (change.type !== "position" || !change.position || change.dragging) continue;
      unsaved.current.nodes.set(change.id, change.position);
      saveSoon();
    }
  }

  function onViewport(viewport: Viewport): void {
    unsaved.current.viewport = viewport;
    saveSoon();
  }

  /** Runs a gesture. The canvas shows afterwards what is there, also when the gesture was refused. */
  async function gesture(run: () => Promise<unknown>): Promise<void> {
    await saveLayout(); // what moved comes first, or an undo would be overtaken by it
    await run().catch(complain);
    await reload();
  }

  /** Takes nodes and edges away at once, and says so to the API. */
  async function remove(nodeIds: string[], edgeIds: string[]): Promise<void> {
    const gone = new Set([...nodeIds, ...edgeIds]);
    loads.current++; // an answer that is on its way would show them again
    setNodes((shown) => shown.filter(({ id }) => !gone.has(id)));
    setEdges((shown) => shown.filter(({ id, source, target }) => ![id, source, target].some((end) => gone.has(end))));
    try {
      await saveLayout();
      await history.delete({ nodes: nodeIds, edges: edgeIds });
    } catch (error) {
      complain(error);
      await reload();
    }
  }

  /** Copies the nodes with the edges between them, and selects the copies, which it answers. */
  async function duplicate(nodeIds: string[]): Promise<string[]> {
    const ids = Object.fromEntries(nodeIds.map((id) => [id, crypto.randomUUID()]));
    await gesture(() => history.copy(ids, { x: 40, y: 40 }));
    const copies: string[] = Object.values(ids);
    setNodes((shown) => shown.map((node) => ({ ...node, selected: copies.includes(node.id) })));
    return copies;
  }

  return {
    nodes,
    edges,
    viewport,
    failure,
    history,
    reload,
    onNodesChange,
    onViewport,
    setNodes,
    setEdges,
    gesture,
    remove,
    duplicate,
  };
}
