//! A pipeline cache's file: read only if it is whole and this very driver's, written so that nobody ever sees half of it.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::PathBuf,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use ash::vk;

/// What begins every file.
const MAGIC: [u8; 8] = *b"VULKIOPC";
/// Bytes before the driver's own.
const HEADER: usize = 64;
/// Those of them that the last word is the checksum of.
const CHECKED: usize = HEADER - 4;
/// No driver's cache is larger; a file that is was written by somebody else.
const MOST: u64 = 1 << 30;

/// What the driver's bytes are good for: the drivers of two versions understand each other no more than those of two
/// devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    vendor: u32,
    device: u32,
    driver: u32,
    uuid: [u8; vk::UUID_SIZE],
}

impl Key {
    pub(super) fn of(properties: &vk::PhysicalDeviceProperties) -> Self {
        Self {
            vendor: properties.vendor_id,
            device: properties.device_id,
            driver: properties.driver_version,
            uuid: properties.pipeline_cache_uuid,
        }
    }

    /// A name of its own for each key and each version of vulkio, so that several can share a folder.
    fn file_name(&self) -> String {
        let uuid: String = self.uuid.iter().map(|byte| format!("{byte:02x}")).collect();
        let Self { vendor, device, driver, .. } = self;
        format!("vulkio-{}-{vendor:04x}-{device:04x}-{driver:08x}-{uuid}.cache", env!("CARGO_PKG_VERSION"))
    }

    /// What stands before `data`.
    fn header(&self, data: &[u8]) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        let mut rest = &mut header[..];
        let mut put = |bytes: &[u8]| {
            let (place, after) = std::mem::take(&mut rest).split_at_mut(bytes.len());
            place.copy_from_slice(bytes);
            rest = after;
        };
        put(&MAGIC);
        for word in [self.vendor, self.device, self.driver] {
            put(&word.to_le_bytes());
        }
        put(&self.uuid);
        put(&crc32fast::hash(env!("CARGO_PKG_VERSION").as_bytes()).to_le_bytes());
        put(&(data.len() as u64).to_le_bytes());
        put(&crc32fast::hash(data).to_le_bytes());
        let sum = crc32fast::hash(&header[..CHECKED]);
        header[CHECKED..].copy_from_slice(&sum.to_le_bytes());
        header
    }

    /// Whether the driver's bytes say themselves that they are this driver's: "the first four fields are written least
    /// significant byte first" whatever the machine.
    fn owns(&self, data: &[u8]) -> bool {
        let word =
            |at: usize| data.get(at..at + 4).map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap_or_default()));
        let version = vk::PipelineCacheHeaderVersion::ONE.as_raw() as u32;
        word(0).is_some_and(|size| (32..=data.len()).contains(&(size as usize)))
            && word(4) == Some(version)
            && word(8) == Some(self.vendor)
            && word(12) == Some(self.device)
            && data.get(16..32) == Some(&self.uuid)
    }
}

/// The place of a device's cache.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    key: Key,
}

impl Disk {
    pub(super) fn new(folder: PathBuf, key: Key) -> Self {
        Self { folder, key }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(self.key.file_name())
    }

    /// The driver's bytes; none if there is no file, and why not if there is one that is no good.
    pub(super) fn read(&self) -> Result<Option<Vec<u8>>, String> {
        let mut file = match File::open(self.path()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let length = file.metadata().map_err(|error| error.to_string())?.len();
        if length > MOST {
            return Err(format!("{length} bytes are no pipeline cache"));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        let Some((header, data)) = bytes.split_first_chunk::<HEADER>() else {
            return Err("it is cut short".to_owned());
        };
        if header[..MAGIC.len()] != MAGIC {
            return Err("it is no pipeline cache of vulkio's".to_owned());
        }
        if header[CHECKED..] != crc32fast::hash(&header[..CHECKED]).to_le_bytes() {
            return Err("its header is damaged".to_owned());
        }
        let whole = self.key.header(data);
        // Behind the key are the length and the checksum of the data.
        let keyed = MAGIC.len() + 12 + vk::UUID_SIZE + 4;
        if header[..keyed] != whole[..keyed] {
            return Err("another device's, driver's or vulkio's".to_owned());
        }
        if *header != whole {
            return Err("it is cut short or damaged".to_owned());
        }
        if !self.key.owns(data) {
            return Err("its contents are another driver's".to_owned());
        }
        Ok(Some(data.to_vec()))
    }

    /// Replaces the file as a whole. The folder is made if it is not there.
    pub(super) fn write(&self, data: &[u8]) -> io::Result<()> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        fs::create_dir_all(&self.folder)?;
        // Named by process and number, so that nobody else writes to it.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let temporary = self.folder.join(format!(".{}.{}-{number}.tmp", self.key.file_name(), process::id()));
        let written = fs::write(&temporary, [&self.key.header(data), data].concat())
            .and_then(|()| fs::rename(&temporary, self.path()));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let name = format!("vulkio-disk-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            Self(std::env::temp_dir().join(name))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const KEY: Key = Key { vendor: 0x10de, device: 0x2330, driver: 7, uuid: *b"0123456789abcdef" };

    /// What a driver of a key might give.
    fn data(key: &Key, more: &[u8]) -> Vec<u8> {
        let words = [32, 1, key.vendor, key.device].map(u32::to_le_bytes);
        [words.as_flattened(), &key.uuid, more].concat()
    }

    #[test]
    fn what_was_written_is_read_back_and_nothing_is_left_beside_it() {
        let folder = Folder::new();
        let disk = Disk::new(folder.0.join("deep/er"), KEY);
        assert_eq!(disk.read(), Ok(None));
        for more in [&b""[..], b"pipelines", &[7; 100_000]] {
            disk.write(&data(&KEY, more)).expect("written");
            assert_eq!(disk.read(), Ok(Some(data(&KEY, more))));
        }
        assert_eq!(fs::read_dir(&disk.folder).expect("a folder").count(), 1);
    }

    #[test]
    fn a_file_with_any_bit_changed_or_cut_anywhere_is_refused() {
        let folder = Folder::new();
        let disk = Disk::new(folder.0.clone(), KEY);
        disk.write(&data(&KEY, b"pipelines")).expect("written");
        let good = fs::read(disk.path()).expect("a file");
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            fs::write(disk.path(), bad).expect("written");
            assert!(disk.read().is_err(), "bit {bit}");
        }
        for length in 0..good.len() {
            fs::write(disk.path(), &good[..length]).expect("written");
            assert!(disk.read().is_err(), "{length} bytes");
        }
        fs::write(disk.path(), [&good[..], b"x"].concat()).expect("written");
        assert!(disk.read().is_err(), "a byte too many");
        fs::write(disk.path(), &good).expect("written");
        assert!(disk.read().is_ok());
    }

    #[test]
    fn another_drivers_file_is_refused_under_whatever_name() {
        let folder = Folder::new();
        let disk = Disk::new(folder.0.clone(), KEY);
        let others = [
            Key { vendor: 1, ..KEY },
            Key { device: 1, ..KEY },
            Key { driver: 8, ..KEY },
            Key { uuid: [0; 16], ..KEY },
        ];
        for other in others {
            let theirs = Disk::new(folder.0.clone(), other);
            assert_ne!(theirs.path(), disk.path());
            theirs.write(&data(&other, b"x")).expect("written");
            fs::rename(theirs.path(), disk.path()).expect("renamed");
            assert_eq!(disk.read(), Err("another device's, driver's or vulkio's".to_owned()), "{other:?}");
        }
        // Ours outside, theirs inside.
        disk.write(&data(&others[0], b"x")).expect("written");
        assert_eq!(disk.read(), Err("its contents are another driver's".to_owned()));
        disk.write(b"short").expect("written");
        assert!(disk.read().is_err());
    }

    #[test]
    fn a_folder_that_cannot_be_is_an_error() {
        let folder = Folder::new();
        fs::create_dir_all(&folder.0).expect("a folder");
        fs::write(folder.0.join("file"), "x").expect("a file");
        let disk = Disk::new(folder.0.join("file/folder"), KEY);
        assert!(disk.write(b"x").is_err());
        assert!(disk.read().is_err());
        // A folder where the file should be.
        let disk = Disk::new(folder.0.clone(), KEY);
        fs::create_dir(disk.path()).expect("a folder");
        assert!(disk.read().is_err() && disk.write(b"x").is_err());
        assert_eq!(fs::read_dir(&folder.0).expect("a folder").count(), 2, "no temporary file is left");
    }
}
