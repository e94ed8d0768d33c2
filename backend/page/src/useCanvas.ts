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

  const saveSoon = useCallback(() => {
    clearTimeout(unsaved.current.timer);
    unsaved.current.timer = window.setTimeout(() => void saveLayout(), SAVE_LAYOUT);
  }, [saveLayout]);

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

  const onNodesChange = useCallback(
    (changes: NodeChange<CardNode>[]) => {
      setNodes((shown) => applyNodeChanges(changes, shown));
      const moves = changes.filter((change) => change.type === "position" && change.position && !change.dragging);
      for (const move of moves) if (move.type === "position") unsaved.current.nodes.set(move.id, move.position!);
      if (moves.length) saveSoon();
    },
    [saveSoon],
  );

  const onViewport = useCallback(
    (viewport: Viewport) => {
      unsaved.current.viewport = viewport;
      saveSoon();
    },
    [saveSoon],
  );

  /** Runs a gesture. The canvas shows afterwards what is there, also when the gesture was refused. */
  const gesture = useCallback(
    async (run: () => Promise<unknown>) => {
      await saveLayout(); // what moved comes first, or an undo would be overtaken by it
      await run().catch(complain);
      await reload();
    },
    [reload, saveLayout],
  );

  /** Takes nodes and edges away at once, and says so to the API. */
  const remove = useCallback(
    (nodeIds: string[], edgeIds: string[]) => {
      const gone = new Set(nodeIds);
      loads.current++; // an answer that is on its way would show them again
      setNodes((shown) => shown.filter((node) => !gone.has(node.id)));
      setEdges((shown) =>
        shown.filter((edge) => !edgeIds.includes(edge.id) && !gone.has(edge.source) && !gone.has(edge.target)),
      );
      return saveLayout()
        .then(() => history.delete({ nodes: nodeIds, edges: edgeIds }))
        .catch((error: unknown) => {
          complain(error);
          return reload();
        });
    },
    [history, reload, saveLayout],
  );

  /** Copies the nodes with the edges between them, and selects the copies. */
  const duplicate = useCallback(
    (nodeIds: string[], distance: number) => {
      const ids = Object.fromEntries(nodeIds.map((id) => [id, crypto.randomUUID()]));
      return gesture(async () => {
        await history.copy(ids, { x: distance, y: distance });
        setNodes((shown) => shown.map((node) => ({ ...node, selected: false })));
      }).then(() => {
        const copies = new Set<string>(Object.values(ids));
        setNodes((shown) => shown.map((node) => ({ ...node, selected: copies.has(node.id) })));
      });
    },
    [gesture, history],
  );

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
