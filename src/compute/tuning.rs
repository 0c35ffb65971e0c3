//! What depends on who made the device: one small table.
//!
//! Only what was measured on such a device, or is said by its maker, is in it; what holds everywhere is said where it is used. Barriers are
//! the same for all: one for each wave, with one barrier of memory in it, which is what all makers ask for.

use super::Batching;
use crate::gpu::{DeviceInfo, DeviceKind};

/// Who made a device, as far as that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    Nvidia,
    /// Drivers that run on the CPU: Mesa's llvmpipe.
    Software,
    /// AMD, Intel and others, on which nothing was measured.
    Other,
}

/// What is chosen by the maker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tuning {
    maker: Maker,
    /// How dispatches gather, unless the program says.
    pub(crate) batching: Batching,
    /// Whether workgroups of a scan draw their tiles when they begin. Without it they take them by their number, and wait in vain for
    /// those before them where these begin later.
    pub(crate) draws_tiles: bool,
    /// Whether memory barriers stand in the loops of a scan.
    pub(crate) fences_loops: bool,
}

const TABLE: [Tuning; 3] = [
    Tuning {
        maker: Maker::Nvidia,
        // H100, 256 dispatches of 64 KiB awaited together: 3.5 to 5 us each with one submission in flight; with two or three
        // often 15 to 20, as most are submitted by themselves then.
        batching: Batching::GATHERING,
        // They begin in order. H100, 2^28 numbers, tiles of 128 lanes by 4 quads: 1,177 us, and 1,218 with drawing.
        draws_tiles: false,
        fences_loops: true,
    },
    Tuning {
        maker: Maker::Software,
        // 17 to 20 us each, of which the driver's own work is nearly all, whatever is in flight.
        batching: Batching::GATHERING,
        // llvmpipe's threads begin at workgroups far apart.
        draws_tiles: true,
        // llvmpipe (Mesa 22.3) takes a memory barrier for one of the whole workgroup, which not all invocations of a loop reach.
        // What is said there is made of what was read, and CPUs keep the order of such.
        fences_loops: false,
    },
    // Vulkan promises no order of workgroups, so they draw.
    Tuning { maker: Maker::Other, batching: Batching::GATHERING, draws_tiles: true, fences_loops: true },
];

impl Tuning {
    /// What is best for a device.
    pub(crate) fn of(device: &DeviceInfo) -> Self {
        const NVIDIA: u32 = 0x10DE;
        let maker = match (device.kind, device.vendor_id) {
            (DeviceKind::Cpu, _) => Maker::Software,
            (_, NVIDIA) => Maker::Nvidia,
            _ => Maker::Other,
        };
        let [.., other] = TABLE;
        TABLE.into_iter().find(|tuning| tuning.maker == maker).unwrap_or(other)
    }
}
