//! The compiler's log as `file:line: message`.

use glslang::error::GlslangError;

/// The log's messages, a line each, with `shown` for the shader's own name: glslang calls it `0`.
pub(super) fn located(error: &GlslangError, shown: &str) -> String {
    let log = match error {
        GlslangError::PreprocessError(log)
        | GlslangError::ParseError(log)
        | GlslangError::MapIoError(log)
        | GlslangError::LinkError(log) => &log.log,
        other => return format!("{shown}: {other}"),
    };
    let lines: Vec<String> = log.lines().filter_map(|line| located_line(line, shown)).collect();
    if lines.is_empty() { format!("{shown}: {}", log.trim()) } else { lines.join("\n") }
}

fn located_line(line: &str, shown: &str) -> Option<String> {
    let message = line.strip_prefix("ERROR: ")?;
    if let Some(rest) = message.strip_prefix("0:") {
        return Some(format!("{shown}:{rest}"));
    }
    // `3 compilation errors.  No code generated.` says nothing that the lines before did not.
    has_line(message).then(|| message.to_owned())
}

/// Whether there is a `:12:` in it; a file's name may contain colons of its own.
fn has_line(message: &str) -> bool {
    message.split(':').skip(1).any(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_its_file() {
        let line = |line| located_line(line, "a/x.comp");
        assert_eq!(line("ERROR: 0:4: 'w' : undeclared").as_deref(), Some("a/x.comp:4: 'w' : undeclared"));
        assert_eq!(line("ERROR: C:\\b.glsl:2: '' : no").as_deref(), Some("C:\\b.glsl:2: '' : no"));
        assert_eq!(line("ERROR: 2 compilation errors.  No code generated."), None);
        assert_eq!(line("WARNING: 0:1: odd"), None);
    }
}
