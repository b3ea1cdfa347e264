//! The sans-I/O SIP core.
