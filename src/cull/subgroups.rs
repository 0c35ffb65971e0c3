//! What the kernels of cubes do within subgroups, and whether a device can.

use ash::vk::SubgroupFeatureFlags as S;

use crate::{
    error::{Error, Result},
    gpu::DeviceInfo,
};

/// By the extensions that `shaders/` enable: ballots, sums and maxima, and values of other lanes.
const NEEDED: [(S, &str); 4] =
    [(S::BASIC, "basic"), (S::BALLOT, "ballot"), (S::ARITHMETIC, "arithmetic"), (S::SHUFFLE, "shuffle")];

/// # Errors
/// [`Error::MissingFeatures`] if compute shaders lack an operation that these take.
pub(super) fn check(info: &DeviceInfo) -> Result<()> {
    match lacking(info.subgroup_operations) {
        None => Ok(()),
        Some(missing) => {
            Err(Error::MissingFeatures { device: info.name.clone(), missing: format!("{missing}, which cubes take") })
        }
    }
}

fn lacking(have: S) -> Option<String> {
    let missing: Vec<_> = NEEDED.iter().filter(|(flag, _)| !have.contains(*flag)).map(|(_, name)| *name).collect();
    (!missing.is_empty()).then(|| format!("subgroup operations in compute shaders ({})", missing.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_lacks_is_named() {
        assert_eq!(lacking(S::BASIC | S::BALLOT | S::ARITHMETIC | S::SHUFFLE | S::QUAD), None);
        let missing = lacking(S::BASIC | S::ARITHMETIC).expect("two are missing");
        assert_eq!(missing, "subgroup operations in compute shaders (ballot, shuffle)");
    }
}
