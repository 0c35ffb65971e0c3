//! Lists the machine's Vulkan devices, one a line: index, name, kind, UUID, and whether vulkio can open it.
//! Exits with 1 if it can
//! open none. `VULKIO_DEVICE` takes the index, the UUID or a part of the name.

use std::process::ExitCode;

use vulkio::{DeviceSummary, Gpu};

fn main() -> ExitCode {
    match Gpu::devices() {
        Ok(devices) => {
            for (index, device) in devices.iter().enumerate() {
                println!("{index}  {device}: {}", verdict(device));
            }
            if devices.iter().any(DeviceSummary::fits) {
                return ExitCode::SUCCESS;
            }
            eprintln!("devices: vulkio can open none of them; update the driver, or install Mesa's software one");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("devices: {error}");
            ExitCode::FAILURE
        }
    }
}

fn verdict(device: &DeviceSummary) -> String {
    if device.fits() { "fits".to_owned() } else { format!("lacks {}", device.missing.join(", ")) }
}
