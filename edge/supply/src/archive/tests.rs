//! Archives that are fine, that lead out, that are too large, and addresses.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Error, Kind, Limits, fetch_url, unpack};
use crate::testing::{Manner, serve};

enum Item<'a> {
    File(&'a str, &'a [u8]),
    Symlink(&'a str, &'a str),
    Link(&'a str, &'a str),
    Of(&'a str, tar::EntryType),
}

fn tar_of(items: &[Item<'_>]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for item in items {
        let (name, kind, link, content): (&str, _, _, &[u8]) = match *item {
            Item::File(name, content) => (name, tar::EntryType::Regular, "", content),
            Item::Symlink(name, link) => (name, tar::EntryType::Symlink, link, b""),
            Item::Link(name, link) => (name, tar::EntryType::Link, link, b""),
            Item::Of(name, kind) => (name, kind, "", b""),
        };
        let mut header = tar::Header::new_ustar();
        // Written by hand: the builder itself refuses the names that are tested here.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append(&header, content).unwrap();
    }
    tar.into_inner().unwrap()
}

struct Unpacked {
    root: tempfile::TempDir,
    result: Result<Kind, Error>,
}

impl Unpacked {
    fn of(name: &str, bytes: &[u8], limits: &Limits) -> Unpacked {
        let root = tempfile::tempdir().unwrap();
        let archive = root.path().join(name);
        fs::write(&archive, bytes).unwrap();
        let result = unpack(&archive, &root.path().join("to"), limits);
        Unpacked { root, result }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("to").join(name)
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(self.path("")).unwrap().count() == 0
    }
}

#[test]
fn a_good_tar_is_unpacked_with_modes_and_links() {
    let bytes = tar_of(&[
        Item::Of("a/", tar::EntryType::Directory),
        Item::File("./a/run", b"#!"),
        Item::Symlink("a/now", "run"),
        Item::Symlink("b/up", "../a/run"),
        Item::Link("a/same", "a/run"),
    ]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&bytes).unwrap();
    for (name, bytes) in [
        ("x.tar", bytes.clone()),
        ("x.tar.gz", gzip.finish().unwrap()),
    ] {
        let unpacked = Unpacked::of(name, &bytes, &Limits::default());
        assert_eq!(*unpacked.result.as_ref().unwrap(), Kind::Tar);
        for file in ["a/run", "a/now", "b/up", "a/same"] {
            assert_eq!(
                fs::read(unpacked.path(file)).unwrap(),
                b"#!",
                "{name} {file}"
            );
        }
        assert_eq!(
            fs::metadata(unpacked.path("a/run"))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o755
        );
        assert_eq!(fs::read_dir(unpacked.path("")).unwrap().count(), 2);
    }
}

#[test]
fn what_leads_out_is_refused_by_name_and_leaves_nothing() {
    for (items, expected) in [
        (
            vec![Item::File("ok", b""), Item::File("a/../../x", b"")],
            "entry `a/../../x` refused: `..` leads out",
        ),
        (
            vec![Item::File("/etc/x", b"")],
            "entry `/etc/x` refused: the name is absolute",
        ),
        (
            vec![Item::Symlink("l", "/etc")],
            "entry `l` refused: the link leads out",
        ),
        (
            vec![Item::Symlink("a/l", "../../x")],
            "entry `a/l` refused: the link leads out",
        ),
        (
            vec![Item::Symlink("d", "."), Item::Symlink("e", "d/../..")],
            "entry `e` refused: the link leads out",
        ),
        (
            vec![Item::Symlink("l", "l")],
            "entry `l` refused: the link leads out",
        ),
        (
            vec![Item::Link("h", "/etc/passwd")],
            "entry `h` refused: the hard link leads to no earlier file",
        ),
        (
            vec![Item::Link("h", "../x")],
            "entry `h` refused: the hard link leads to no earlier file",
        ),
        (
            vec![Item::Of("dev", tar::EntryType::Block)],
            "entry `dev` refused: it is a device",
        ),
        (
            vec![Item::Of("pipe", tar::EntryType::Fifo)],
            "entry `pipe` refused: it is a device",
        ),
    ] {
        let unpacked = Unpacked::of("x.tar", &tar_of(&items), &Limits::default());
        let text = unpacked.result.as_ref().unwrap_err().to_string();
        assert!(
            text.starts_with("x.tar: ") && text.contains(expected),
            "{text}"
        );
        assert!(unpacked.is_empty(), "{text}: something was left");
    }
}

#[test]
fn nothing_is_written_through_a_link() {
    let items = [
        Item::Symlink("a", "/tmp"),
        Item::File("a/smack-was-here", b"x"),
    ];
    let unpacked = Unpacked::of("x.tar", &tar_of(&items), &Limits::default());
    assert!(unpacked.result.is_err() && !Path::new("/tmp/smack-was-here").exists());
}

#[test]
fn too_many_and_too_large_are_refused() {
    let items = [Item::File("a", b"123456"), Item::File("b", b"123456")];
    for (limits, expected) in [
        (
            Limits {
                bytes_max: 10,
                entries_max: 9,
            },
            "x.tar: refused at entry `b`: more than 10 bytes unpacked",
        ),
        (
            Limits {
                bytes_max: 99,
                entries_max: 1,
            },
            "x.tar: refused at entry `b`: more than 1 entries",
        ),
    ] {
        let unpacked = Unpacked::of("x.tar", &tar_of(&items), &limits);
        assert_eq!(unpacked.result.as_ref().unwrap_err().to_string(), expected);
        assert!(unpacked.is_empty());
    }
}

fn zip_of(names: &[&str]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for name in names {
        zip.start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(b"content content content").unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn zips_are_unpacked_but_jars_stay_whole() {
    let bytes = zip_of(&["a/b.txt"]);
    let unpacked = Unpacked::of("x.zip", &bytes, &Limits::default());
    assert_eq!(*unpacked.result.as_ref().unwrap(), Kind::Zip);
    assert_eq!(
        fs::read(unpacked.path("a/b.txt")).unwrap(),
        b"content content content"
    );
    let unpacked = Unpacked::of("x.jar", &bytes, &Limits::default());
    assert_eq!(*unpacked.result.as_ref().unwrap(), Kind::Plain);
    assert_eq!(fs::read(unpacked.path("x.jar")).unwrap(), bytes);
    let unpacked = Unpacked::of("x.zip", &zip_of(&["../b.txt"]), &Limits::default());
    assert!(
        unpacked
            .result
            .as_ref()
            .unwrap_err()
            .to_string()
            .contains("`../b.txt` refused")
    );
    let limits = Limits {
        bytes_max: 5,
        ..Limits::default()
    };
    assert!(matches!(
        Unpacked::of("x.zip", &bytes, &limits).result,
        Err(Error::Limit { .. })
    ));
}

#[test]
fn damaged_archives_are_told_not_guessed() {
    let whole = tar_of(&[Item::File("a", &[7; 4000])]);
    let unpacked = Unpacked::of("x.tar", &whole[..2000], &Limits::default());
    assert!(
        matches!(unpacked.result, Err(Error::Damaged { .. })),
        "{:?}",
        unpacked.result
    );
    let unpacked = Unpacked::of("x.zip", &zip_of(&["a"])[..40], &Limits::default());
    assert!(
        matches!(unpacked.result, Err(Error::Damaged { .. })),
        "{:?}",
        unpacked.result
    );
    let unpacked = Unpacked::of("x.tar.gz", &[0x1f, 0x8b, 8, 0, 1, 2, 3], &Limits::default());
    assert!(
        matches!(unpacked.result, Err(Error::Damaged { .. })),
        "{:?}",
        unpacked.result
    );
}

#[test]
fn unpacking_again_replaces_what_is_there() {
    let root = tempfile::tempdir().unwrap();
    let (archive, to) = (root.path().join("x.tar"), root.path().join("to"));
    for content in [b"one", b"two"] {
        fs::write(&archive, tar_of(&[Item::File("d/a", content)])).unwrap();
        unpack(&archive, &to, &Limits::default()).unwrap();
    }
    assert_eq!(fs::read(to.join("d/a")).unwrap(), b"two");
}

#[test]
fn addresses_are_paths_file_or_http() {
    let root = tempfile::tempdir().unwrap();
    let to = root.path().join("to");
    let file = root.path().join("x.bin");
    File::create(&file).unwrap().write_all(b"abc").unwrap();
    let server = serve(b"abc", Manner::BreaksAfter(2));
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    for url in [
        file.display().to_string(),
        format!("file://{}", file.display()),
        format!("{}x.bin?a=b", server.base),
    ] {
        let got = fetch_url(&url, Some(sha256), &to).unwrap();
        assert_eq!(
            (got.file_name().unwrap().to_str(), fs::read(&got).unwrap()),
            (Some("x.bin"), b"abc".to_vec()),
            "{url}"
        );
    }
    let refused = serve(b"abc", Manner::Status(404)).base;
    for (url, sha256, expected) in [
        (
            file.display().to_string(),
            Some("00"),
            format!("hash is {sha256}, expected 00"),
        ),
        (
            "ftp://x/y".to_owned(),
            None,
            "neither a file nor an http(s) address".to_owned(),
        ),
        (
            "/no/such/file".to_owned(),
            None,
            "/no/such/file: No such file or directory".to_owned(),
        ),
        (format!("{refused}x"), None, "x: not there".to_owned()),
    ] {
        let text = fetch_url(&url, sha256, &to).unwrap_err().to_string();
        assert!(text.contains(&expected), "{text}");
    }
}

/// A name that is read into memory before its entry is seen: a small gzip of it would take gigabytes.
#[test]
fn a_name_without_end_is_refused_early() {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(64 << 20);
    header.set_cksum();
    tar.append(&header, std::io::repeat(b'n').take(64 << 20))
        .unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar.into_inner().unwrap()).unwrap();
    let unpacked = Unpacked::of("a.tgz", &gzip.finish().unwrap(), &Limits::default());
    let error = unpacked.result.as_ref().unwrap_err();
    let source = std::error::Error::source(error).unwrap().to_string();
    assert!(source.contains("1 MiB"), "{error}: {source}");
    assert!(unpacked.is_empty());
}
