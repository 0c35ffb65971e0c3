//! Checks: what commands touch, against what their pass declared.
