//! The table of flows: who is connected, what waits for a connection, and the framing of streams.
