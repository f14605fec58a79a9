//! Prints how many rows a second the store commits durably, by batch size, and what opening and
//! loading a store of 100,000 rows costs. Takes a directory to work in, else a temporary one.
#![expect(clippy::print_stdout, reason = "its figures are its output")]

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use smack_store::{Commit, Epoch, NewEntry, Store, Write};

/// Rows of the store that the scattered updates hit: as many as there are tasks in a large fleet.
const ROWS: u64 = 100_000;

/// About the size of a task's record in JSON.
const VALUE_BYTES: usize = 400;

/// How long each batch size is measured.
const SPAN: Duration = Duration::from_secs(3);

fn main() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let directory = std::env::args_os()
        .nth(1)
        .map_or(temporary.path().into(), PathBuf::from);
    let path = directory.join("rate.store");
    let mut store = Store::open(&path)?;
    let epoch = store.take_epoch()?;
    fill(&mut store, epoch)?;
    println!(
        "{:>6} {:>24} {:>24}",
        "batch", "neighbouring rows/s", "scattered rows/s"
    );
    for batch in [1, 50, 500, 2_000] {
        let neighbouring = measure(&mut store, epoch, batch, 1)?;
        let scattered = measure(&mut store, epoch, batch, 7_919)?;
        println!("{batch:>6} {neighbouring:>24.0} {scattered:>24.0}");
    }
    let bytes = std::fs::metadata(&path)?.len();
    drop(store);
    let start = Instant::now();
    let store = Store::open(&path)?;
    let opened = start.elapsed();
    let image = store.load()?;
    let loaded = start.elapsed() - opened;
    println!(
        "{} rows in {} MiB: open {opened:.1?}, load {loaded:.1?}",
        image.rows.len(),
        bytes >> 20
    );
    Ok(())
}

fn fill(store: &mut Store, epoch: Epoch) -> Result<(), Box<dyn Error>> {
    for first in (0..ROWS).step_by(5_000) {
        store.commit(
            epoch,
            &commit((first..first + 5_000).map(|row| put(row, 0))),
        )?;
    }
    Ok(())
}

/// Updates rows `stride` apart, `batch` at a time, with a journal entry for each commit.
fn measure(
    store: &mut Store,
    epoch: Epoch,
    batch: u64,
    stride: u64,
) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    let mut rows = 0;
    while start.elapsed() < SPAN {
        let numbers = (rows..rows + batch).map(|row| put(row * stride % ROWS, row));
        store.commit(epoch, &commit(numbers))?;
        rows += batch;
    }
    Ok(rows as f64 / start.elapsed().as_secs_f64())
}

fn put(row: u64, content: u64) -> Write {
    let mut value = vec![b'x'; VALUE_BYTES];
    value[..8].copy_from_slice(&content.to_le_bytes());
    Write::put(format!("task/qa/build92/kafka!3/broker-{row:06}"), value)
}

fn commit(writes: impl Iterator<Item = Write>) -> Commit {
    let entry = NewEntry {
        at_millis: 1_700_000_000_000,
        kind: "placed".into(),
        subject: "qa/build92/kafka".into(),
        body: "{}".into(),
    };
    Commit {
        writes: writes.collect(),
        entries: vec![entry],
    }
}
