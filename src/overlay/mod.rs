//! egui, drawn over frames.
