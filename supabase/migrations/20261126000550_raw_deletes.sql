-- Raw deletes: what a client's own statement that deletes many nodes locks, and in which order, said as it is.
-- Rows that are there: nothing changes.

comment on function private.trash_edges_of_thrown is
  'Puts the edges of all nodes that a statement deletes into the trash along with them, once, in the order of their ids. Node by node, two statements would meet the same edges in opposite orders. The workspace is not locked, and the rows of the nodes are held already, in the order in which the statement found them: such a statement of a client may deadlock with another that draws edges to its nodes, or writes the same rows. Two calls of edit_canvas() do not. Definer, as trash_edges_of().';
