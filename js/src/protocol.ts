/**
 * The plain messages between the public classes and the wasm agent.
 *
 * Everything the classes want is one `Command`; everything the agent has to say is one `Notification`. Both are
 * plain data (structured-cloneable), so the agent can live in the page, in a Worker or behind any other port.
 * The Rust side of these files is `sip-core/src/control/`; a test holds the two together.
 */
export type * from "./protocol/command.js";
export type * from "./protocol/config.js";
export type * from "./protocol/error.js";
export type * from "./protocol/notification.js";
export type * from "./protocol/snapshots.js";
export type * from "./protocol/values.js";
