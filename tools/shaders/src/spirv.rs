//! SPIR-V without its debug instructions.

const MAGIC: u32 = 0x0723_0203;
const HEADER_WORDS: usize = 5;

/// Instructions that only serve debuggers: OpSourceContinued, OpSource, OpSourceExtension, OpName, OpMemberName,
/// OpString, OpLine, OpNoLine, OpModuleProcessed.
const DEBUG: [u32; 9] = [2, 3, 4, 5, 6, 7, 8, 317, 330];

/// The module as little-endian bytes, debug instructions left out.
pub(crate) fn stripped(words: &[u32]) -> Result<Vec<u8>, String> {
    if words.len() < HEADER_WORDS || words[0] != MAGIC {
        return Err("glslang returned no SPIR-V module".to_owned());
    }
    let mut kept = words[..HEADER_WORDS].to_vec();
    let mut rest = &words[HEADER_WORDS..];
    while let Some(&first) = rest.first() {
        let (length, opcode) = ((first >> 16) as usize, first & 0xffff);
        if length == 0 || length > rest.len() {
            return Err("glslang returned a broken SPIR-V module".to_owned());
        }
        let (instruction, after) = rest.split_at(length);
        if !DEBUG.contains(&opcode) {
            kept.extend_from_slice(instruction);
        }
        rest = after;
    }
    Ok(kept.into_iter().flat_map(u32::to_le_bytes).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_and_everything_else_stays() {
        let header = [MAGIC, 0x0001_0600, 0, 9, 0];
        let name = [3 << 16 | 5, 4, 0];
        let capability = [2 << 16 | 17, 1];
        let module: Vec<u32> = header.into_iter().chain(capability).chain(name).chain(capability).collect();
        let expected: Vec<u32> = header.into_iter().chain(capability).chain(capability).collect();
        let bytes = stripped(&module).expect("a module");
        assert_eq!(bytes, expected.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    }

    #[test]
    fn a_broken_module_is_refused() {
        assert!(stripped(&[]).is_err());
        assert!(stripped(&[MAGIC, 0, 0, 0, 0, 7 << 16 | 17]).is_err());
        assert!(stripped(&[MAGIC, 0, 0, 0, 0, 0]).is_err());
    }
}
