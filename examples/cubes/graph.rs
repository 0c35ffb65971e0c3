//! A frame's plan as a file.

use std::path::Path;

use vulkio::Plan;

/// The plan in the format that a file's name ends with.
pub(crate) fn in_format_of(path: &Path, plan: &Plan) -> String {
    let end = path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase());
    match end.as_deref() {
        Some("mmd") => plan.to_mermaid(),
        // As forges show it.
        Some("md") => format!("```mermaid\n{}```\n", plan.to_mermaid()),
        Some("dot" | "gv") => plan.to_dot(),
        _ => plan.to_text(),
    }
}
