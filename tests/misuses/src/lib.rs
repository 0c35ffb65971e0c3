//! Nothing: see tests/ui.rs.
