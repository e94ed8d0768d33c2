/** What the generated types must refuse: each line marked must be an error. */

import createClient from "openapi-fetch";

import type { components, paths } from "./api.js";

const api = createClient<paths>({ baseUrl: "http://localhost:8000" });

// @ts-expect-error a source needs a workspace
void api.POST("/v1/sources", { body: { type: "pdf", title: "Rank" } });

// @ts-expect-error a zoom is a number
void api.POST("/v1/workspaces", { body: { name: "Linear algebra", viewport: { x: 0, y: 0, zoom: "1" } } });

// @ts-expect-error a message is never edited
void api.PATCH("/v1/chat-messages/{chat_message_id}", { params: { path: { chat_message_id: "1" } } });

// @ts-expect-error no such status
void api.PATCH("/v1/labs/{lab_id}", { params: { path: { lab_id: "1" } }, body: { status: "done" } });

// @ts-expect-error a list of sources is a workspace's
void api.GET("/v1/sources", { params: { query: { type: "pdf" } } });

const stale: components["schemas"]["StaleVersionProblem"] = null!;
// @ts-expect-error only what is invalid has a list of errors
void stale.errors;

const problem: components["schemas"]["Problem"] = null!;
// @ts-expect-error no such code
void (problem.code === "teapot");

const { error } = await api.DELETE("/v1/edges/{edge_id}", { params: { path: { edge_id: "1" } } });
// @ts-expect-error an edge has no version that could be stale
void (error?.code === "stale_version");
