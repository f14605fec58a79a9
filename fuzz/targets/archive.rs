//! Archives that users name: whatever comes, nothing lands or points outside, and limits hold. The first byte says what
//! the rest is; checksums of a tar are mended first, or hardly a change would get past its header.
#![no_main]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use smack_supply::archive::{Limits, unpack};

const LIMITS: Limits = Limits {
    bytes_max: 64 * 1024,
    entries_max: 32,
};
static SCRATCH: LazyLock<PathBuf> = LazyLock::new(|| smack_fuzz::scratch("archive"));

fuzz_target!(|input: &[u8]| {
    let Some((&sort, bytes)) = input.split_first() else {
        return;
    };
    let (name, bytes) = match sort % 5 {
        0 => ("a.tar", mended(bytes)),
        1 => ("a.tgz", packed(&mended(bytes))),
        2 => ("a.tar.gz", bytes.to_vec()),
        3 => ("a.zip", bytes.to_vec()),
        _ => ("a.bin", bytes.to_vec()),
    };
    let scratch = SCRATCH.as_path();
    let (archive, to) = (scratch.join(name), scratch.join("to"));
    fs::write(&archive, bytes).expect("there is room");
    let result = unpack(&archive, &to, &LIMITS);
    let mut bytes = 0;
    let count = look(&to, &to, &mut bytes);
    assert!(bytes <= LIMITS.bytes_max || sort % 5 == 4, "{bytes} bytes");
    match result {
        Ok(_) => {}
        Err(error) => {
            assert_eq!(count, 0, "something is left after: {error}");
            drop((error.to_string(), error.hint()));
        }
    }
    fs::remove_dir_all(&to).expect("what was unpacked can be removed");
    fs::remove_file(&archive).expect("it is there");
    let left: Vec<_> = fs::read_dir(scratch)
        .expect("it is there")
        .flatten()
        .collect();
    assert!(left.is_empty(), "outside of the target: {left:?}");
});

/// Counts what is there. Links must lead to something inside, or nowhere.
fn look(directory: &Path, root: &Path, bytes: &mut u64) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        count += 1;
        let (path, kind) = (entry.path(), entry.file_type().expect("it is there"));
        if kind.is_symlink() {
            let inside = path
                .canonicalize()
                .is_ok_and(|target| target.starts_with(root));
            assert!(inside || !path.exists(), "{} leads outside", path.display());
        } else if kind.is_dir() {
            count += look(&path, root, bytes);
        } else {
            *bytes += entry.metadata().expect("it is there").len();
        }
    }
    count
}

/// The tar with the checksum of every header that can be found made right.
fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while let Some(header) = bytes.get_mut(at..at + 512) {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let size = std::str::from_utf8(&header[124..135]).ok();
        let size = size
            .and_then(|size| usize::from_str_radix(size.trim(), 8).ok())
            .unwrap_or(0);
        at += 512 + size.min(bytes.len()).div_ceil(512) * 512;
    }
    bytes
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}
