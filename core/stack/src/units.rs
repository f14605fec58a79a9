//! Amounts with a unit: durations and memory.

/// `500ms`, `10s`, `5m` or `5min`, `2h`, `1d` in milliseconds; whole numbers and fractions (`1.5s`).
pub fn duration_milliseconds(text: &str) -> Option<i64> {
    let (number, unit) = amount(text)?;
    let factor = match unit {
        "ms" => 1.0,
        "s" | "sec" => 1_000.0,
        "m" | "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    whole(number * factor)
}

/// `256m`, `256MB`, `512MiB`, `1g`, `1GiB`, `1t` in MiB, `k` rounded up; a bare number is MiB.
pub fn memory_mib(text: &str) -> Option<i64> {
    let (number, unit) = amount(text)?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "k" | "kb" | "kib" => 1.0 / 1024.0,
        "" | "m" | "mb" | "mib" => 1.0,
        "g" | "gb" | "gib" => 1024.0,
        "t" | "tb" | "tib" => 1024.0 * 1024.0,
        _ => return None,
    };
    whole((number * factor).ceil())
}

fn amount(text: &str) -> Option<(f64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    Some((number, text[end..].trim_start()))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "checked to lie far inside i64"
)]
fn whole(number: f64) -> Option<i64> {
    (0.0..1e15).contains(&number).then(|| number.round() as i64)
}
