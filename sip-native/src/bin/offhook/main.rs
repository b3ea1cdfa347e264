//! The `offhook` command line.
fn main() {}
