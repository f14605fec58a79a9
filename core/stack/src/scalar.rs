//! What a plain scalar is: the YAML 1.2 core schema for stacks, and for the `tasks` of legacy applications the rules
//! of the original engine (YAML 1.1, read and formatted back by Go).

use crate::text::Text;
use crate::value::Data;

/// The YAML 1.2 core schema, but a number with a leading zero stays text: YAML 1.1 read it as octal.
pub(crate) fn plain(raw: &str) -> Data {
    match raw {
        "" | "~" | "null" | "Null" | "NULL" => return Data::Null,
        "true" | "True" | "TRUE" => return Data::Bool(true),
        "false" | "False" | "FALSE" => return Data::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Data::Number(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Data::Number(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Data::Number(f64::NAN),
        _ => {}
    }
    number(raw).unwrap_or_else(|| Data::Text(Text::literal(raw)))
}

fn number(raw: &str) -> Option<Data> {
    let digits = raw.strip_prefix(['-', '+']).unwrap_or(raw);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if let Some(hex) = raw.strip_prefix("0x") {
        return radix(hex, 16);
    }
    if let Some(octal) = raw.strip_prefix("0o") {
        return radix(octal, 8);
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        if digits.len() > 1 && digits.starts_with('0') {
            return None;
        }
        return raw
            .parse()
            .ok()
            .map(Data::Integer)
            .or_else(|| raw.parse().ok().map(Data::Number));
    }
    is_decimal(digits)
        .then(|| raw.parse().ok().map(Data::Number))
        .flatten()
}

fn radix(digits: &str, radix: u32) -> Option<Data> {
    if !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    i64::from_str_radix(digits, radix).ok().map(Data::Integer)
}

/// `[0-9]+(\.[0-9]*)?` or `\.[0-9]+`, then an optional exponent.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let are_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && are_digits(exponent)
    });
    !(whole.is_empty() && fraction.is_empty())
        && are_digits(whole)
        && are_digits(fraction)
        && exponent_fits
}

/// A plain scalar of a legacy task, read by the original's rules and formatted back: `y` is `true`, `010` is `8`,
/// `1e6` is `1e+06`, nothing is `<nil>` (stack-deploy with yaml.v2 of 2016 and Go's `fmt.Sprint`).
pub(crate) fn legacy_task(raw: &str) -> String {
    match raw {
        "" | "~" | "null" | "Null" | "NULL" => return "<nil>".to_owned(),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => {
            return "true".to_owned();
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            return "false".to_owned();
        }
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return "+Inf".to_owned(),
        "-.inf" | "-.Inf" | "-.INF" => return "-Inf".to_owned(),
        ".nan" | ".NaN" | ".NAN" => return "NaN".to_owned(),
        _ => {}
    }
    if !raw.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+')) {
        return raw.to_owned();
    }
    let bare = raw.replace('_', "");
    if let Some(number) = go_integer(&bare) {
        return number.to_string();
    }
    let digits = bare.strip_prefix(['-', '+']).unwrap_or(&bare);
    match bare.parse() {
        Ok(number) if is_decimal(digits) => go_float(number),
        _ => raw.to_owned(),
    }
}

/// Go's `ParseInt` with base 0: `0x` hexadecimal, a leading `0` octal; and `0b` of YAML 1.1.
fn go_integer(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let lower = digits.to_ascii_lowercase();
    let magnitude = if let Some(hex) = lower.strip_prefix("0x") {
        u64::from_str_radix(hex, 16)
    } else if let Some(binary) = lower.strip_prefix("0b") {
        u64::from_str_radix(binary, 2)
    } else if digits.len() > 1 && digits.starts_with('0') {
        u64::from_str_radix(digits, 8)
    } else {
        digits.parse()
    };
    magnitude.ok().map(|magnitude| sign * i128::from(magnitude))
}

/// Go's `%v`: the shortest digits that read back, with an exponent below 1e-4 and from 1e+06 up.
fn go_float(number: f64) -> String {
    let scientific = format!("{number:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return if number > 0.0 {
            "+Inf".to_owned()
        } else {
            scientific
        };
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) || number == 0.0 {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::{legacy_task, plain};
    use crate::text::Text;
    use crate::value::Data;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for (raw, wanted) in [
            ("3", Data::Integer(3)),
            ("-3", Data::Integer(-3)),
            ("0x1F", Data::Integer(31)),
            ("0o17", Data::Integer(15)),
            ("0.10", Data::Number(0.1)),
            ("1e6", Data::Number(1e6)),
            (".5", Data::Number(0.5)),
            ("99999999999999999999", Data::Number(1e20)),
            ("~", Data::Null),
            ("True", Data::Bool(true)),
        ] {
            assert_eq!(plain(raw), wanted, "{raw}");
        }
        for raw in [
            "010", "yes", "0..2", "10m", "0x", "0xzz", "1_000", "1.2.3", ".", "-", "1e", "inf",
            "nan",
        ] {
            assert_eq!(plain(raw), Data::Text(Text::literal(raw)), "{raw}");
        }
    }

    #[test]
    fn values_of_legacy_tasks_are_read_and_formatted_as_the_original_did() {
        for (raw, wanted) in [
            ("0.10", "0.1"),
            ("16000", "16000"),
            ("010", "8"),
            ("08", "8"),
            ("1_000", "1000"),
            ("y", "true"),
            ("on", "true"),
            ("off", "false"),
            ("0x1F", "31"),
            ("0b11", "3"),
            ("1e6", "1e+06"),
            ("1234567.5", "1.2345675e+06"),
            ("123456.5", "123456.5"),
            ("0.00001", "1e-05"),
            ("", "<nil>"),
            ("0..2", "0..2"),
            ("10m", "10m"),
            ("30min", "30min"),
            ("2016-05-19", "2016-05-19"),
            ("12:30:45", "12:30:45"),
            ("hostname=unique", "hostname=unique"),
            ("-7", "-7"),
        ] {
            assert_eq!(legacy_task(raw), wanted, "{raw}");
        }
    }
}
