//! A writer is killed with SIGKILL at many moments: whatever it acknowledged is there, and no
//! commit is there by half. `SMACK_KILLS` says how often; this proves the death of a process, not
//! the loss of power.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use std::{env, fs, thread};

use smack_store::{Commit, Entry, Image, NewEntry, Options, Seq, Store, Write};

use crate::process;

/// Batch n rewrites all rows of slot n % 6, which has this many.
const SLOT_ROWS: [u64; 6] = [1, 20, 3, 400, 7, 900];
const BATCH_ENTRIES: u64 = 3;
const VALUE_BYTES: usize = 600;

/// What the killer knows.
#[derive(Default)]
struct Known {
    /// The newest batch seen in the store or acknowledged.
    batch: u64,
    seq: Seq,
    epoch: u64,
}

#[test]
fn what_a_killed_writer_acknowledged_is_there_and_nothing_by_half() {
    if let Some(directory) = process::directory() {
        write_until_killed(&directory.join("store"));
    }
    let rounds = env::var("SMACK_KILLS").map_or(120, |text| text.parse().unwrap());
    let (mut batches, mut by_surprise) = (0, 0);
    let mut directory = tempfile::tempdir().unwrap();
    let mut known = Known::default();
    for round in 0_u64..rounds {
        if round.is_multiple_of(10) {
            batches += known.batch;
            directory = tempfile::tempdir().unwrap();
            known = Known::default();
        }
        kill_one(directory.path(), round, &mut known);
        by_surprise += verify(&path_to_verify(directory.path(), round), round, &mut known);
    }
    batches += known.batch;
    let told = format!(
        "{rounds} kills: {batches} batches, {by_surprise} of them there without an answer\n"
    );
    io::stderr().write_all(told.as_bytes()).unwrap();
}

fn write_until_killed(path: &Path) -> ! {
    let mut out = io::stdout();
    let mut tell = |text: String| {
        out.write_all(text.as_bytes()).unwrap();
        out.flush().unwrap();
    };
    let mut options = Options::new(path);
    options.log_pages = 300;
    let mut store = Store::open_with(options).unwrap();
    let epoch = store.take_epoch().unwrap();
    tell(format!("\nepoch {epoch}\n"));
    let mut batch = newest(&store.load().unwrap());
    loop {
        batch += 1;
        let seq = store.commit(epoch, &commit(batch)).unwrap();
        tell(format!("batch {batch} {seq}\n"));
        if batch.is_multiple_of(16) {
            store.prune_journal(60).unwrap();
        }
    }
}

fn commit(batch: u64) -> Commit {
    let slot = batch % 6;
    let mut value = vec![b'.'; VALUE_BYTES];
    value[..8].copy_from_slice(&batch.to_le_bytes());
    let rows = 0..SLOT_ROWS[slot as usize];
    let entry = |number: u64| NewEntry {
        at_millis: number,
        kind: "batch".into(),
        subject: String::new(),
        body: batch.to_string(),
    };
    Commit {
        writes: rows
            .map(|row| Write::put(format!("{slot}/{row:03}"), value.clone()))
            .collect(),
        entries: (0..BATCH_ENTRIES).map(entry).collect(),
    }
}

/// Waits for some acknowledgements and a little more, kills, and notes what was acknowledged.
fn kill_one(directory: &Path, round: u64, known: &mut Known) {
    let test = "killed::what_a_killed_writer_acknowledged_is_there_and_nothing_by_half";
    let mut writer = process::again(test, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut note = |line: &str| note_acknowledged(line, known);
    let (wanted, delay) = moment(round);
    let mut seen = 0;
    while seen < wanted {
        let line = lines
            .next()
            .expect("the writer writes until it is killed")
            .unwrap();
        seen += u64::from(note(&line));
    }
    thread::sleep(delay);
    writer.kill().unwrap();
    for line in lines {
        note(&line.unwrap());
    }
    writer.wait().unwrap();
}

/// How many batches to wait for, and how long after that. The same list every time; a quarter of
/// the kills falls into starting and recovery.
fn moment(round: u64) -> (u64, Duration) {
    let mut random = round.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    random ^= random >> 29;
    random = random.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    random ^= random >> 32;
    let wanted = [0, 1, 2, 3, 0, 5, 8, 13][(random % 8) as usize];
    let span_micros = if wanted == 0 { 20_000 } else { 8_000 };
    (wanted, Duration::from_micros((random >> 8) % span_micros))
}

/// Whether the line was a whole acknowledgement of a batch.
fn note_acknowledged(line: &str, known: &mut Known) -> bool {
    let words: Vec<_> = line.split(' ').collect();
    match words[..] {
        ["epoch", epoch] => known.epoch = epoch.parse().unwrap(),
        ["batch", batch, seq] => {
            known.batch = batch.parse().unwrap();
            known.seq = Seq(seq.parse().unwrap());
            return true;
        }
        _ => {}
    }
    false
}

/// In every other round a copy, so that the next writer finds what the killed one left.
fn path_to_verify(directory: &Path, round: u64) -> PathBuf {
    if round.is_multiple_of(2) {
        return directory.join("store");
    }
    for suffix in ["", "-wal"] {
        let copy = directory.join(format!("copy{suffix}"));
        match fs::copy(directory.join(format!("store{suffix}")), &copy) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                drop(fs::remove_file(copy));
            }
            copied => drop(copied.unwrap()),
        }
    }
    directory.join("copy")
}

/// Compares the store with what is known; gives how many batches it has beyond that: 0 or 1.
fn verify(path: &Path, round: u64, known: &mut Known) -> u64 {
    let store = Store::open(path).unwrap();
    let image = store.load().unwrap();
    let found = newest(&image);
    let beyond = found.checked_sub(known.batch).unwrap_or_else(|| {
        panic!(
            "round {round}: batch {} was acknowledged, {found} is there",
            known.batch
        )
    });
    assert!(
        beyond <= 1,
        "round {round}: {beyond} batches that nobody sent"
    );
    assert!(image.seq >= known.seq, "round {round}: {image:?}");
    assert!(
        (known.epoch..=known.epoch + 1).contains(&image.epoch.0),
        "round {round}"
    );
    verify_rows(&image, found, round);
    verify_journal(&store.after(Seq(0), usize::MAX).unwrap(), found, round);
    if beyond == 0 && found > 0 {
        let row = image
            .rows
            .iter()
            .find(|row| batch_of(&row.value) == found)
            .unwrap();
        assert_eq!(row.version, known.seq.0, "round {round}");
    }
    let seq = image.rows.iter().map(|row| row.version).max().unwrap_or(0);
    *known = Known {
        batch: found,
        seq: Seq(seq),
        epoch: image.epoch.0,
    };
    beyond
}

/// Every slot is of the last batch that wrote it, whole.
fn verify_rows(image: &Image, newest: u64, round: u64) {
    let mut slots: BTreeMap<&str, Vec<(u64, u64)>> = BTreeMap::new();
    for row in &image.rows {
        slots
            .entry(&row.key[..1])
            .or_default()
            .push((batch_of(&row.value), row.version));
    }
    for (slot, size) in (0..).zip(SLOT_ROWS) {
        let Some(last) = (0..6)
            .filter_map(|back| newest.checked_sub(back))
            .find(|n| n % 6 == slot)
        else {
            continue;
        };
        let rows = slots.remove(slot.to_string().as_str()).unwrap_or_default();
        let wanted = if last == 0 { 0 } else { size };
        assert_eq!(
            rows.len() as u64,
            wanted,
            "round {round}: slot {slot} of batch {last}"
        );
        let whole = rows.iter().all(|row| row.0 == last && row.1 == rows[0].1);
        assert!(whole, "round {round}: slot {slot} is torn: {rows:?}");
    }
    assert!(slots.is_empty(), "round {round}: {slots:?}");
}

/// Every batch up to the newest is in it once and whole, but those pruned.
fn verify_journal(entries: &[Entry], newest: u64, round: u64) {
    let batch = |entry: &Entry| -> u64 { entry.body.parse().unwrap() };
    let mut last = None;
    for group in entries.chunk_by(|a, b| batch(a) == batch(b)) {
        let numbers: Vec<_> = group.iter().map(|entry| entry.at_millis).collect();
        assert_eq!(
            numbers,
            [0, 1, 2],
            "round {round}: batch {}",
            batch(&group[0])
        );
        assert_eq!(group[2].seq.0 - group[0].seq.0, 2, "round {round}");
        assert!(
            last.is_none_or(|last| last + 1 == batch(&group[0])),
            "round {round}"
        );
        last = Some(batch(&group[0]));
    }
    assert_eq!(last.unwrap_or(0), newest, "round {round}");
}

fn newest(image: &Image) -> u64 {
    image
        .rows
        .iter()
        .map(|row| batch_of(&row.value))
        .max()
        .unwrap_or(0)
}

fn batch_of(value: &[u8]) -> u64 {
    assert_eq!(value.len(), VALUE_BYTES);
    u64::from_le_bytes(value[..8].try_into().unwrap())
}
