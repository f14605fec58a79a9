//! The small languages: durations, memory, names, identities, constraints in both spellings, ranges of Java.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smack_model::{Calendar, Constraint, Name, SystemId, TaskId};
use smack_services::catalog::JavaRange;

fuzz_target!(|text: &str| {
    for amount in [
        smack_stack::duration_milliseconds(text),
        smack_stack::memory_mib(text),
    ] {
        assert!(
            amount.is_none_or(|amount| amount >= 0),
            "{text:?} is {amount:?}"
        );
    }
    if let Ok(name) = Name::new(text) {
        assert_eq!(Name::new(name.as_str()), Ok(name));
    }
    if let Some(id) = SystemId::parse(text) {
        assert_eq!(SystemId::parse(&id.to_string()), Some(id));
    }
    if let Some(id) = TaskId::parse(text) {
        assert_eq!(TaskId::parse(&id.to_string()), Some(id.clone()));
        assert_eq!(TaskId::from_file_name(&id.file_name()), Some(id));
    }
    if let Some(id) = TaskId::from_file_name(text) {
        assert_eq!(TaskId::from_file_name(&id.file_name()), Some(id));
    }
    if let Ok(constraints) = Constraint::from_text(text) {
        for constraint in constraints {
            drop(constraint.to_string());
        }
    }
    if let Ok(calendar) = text.parse::<Calendar>() {
        assert_eq!(calendar.to_string().parse::<Calendar>(), Ok(calendar));
    }
    let parts: Vec<&str> = text.split(',').collect();
    if let Ok(constraint) = Constraint::from_list(&parts) {
        drop(constraint.to_string());
    }
    if let Ok(range) = JavaRange::try_from(text.to_owned()) {
        assert_eq!(JavaRange::try_from(range.to_string()), Ok(range));
    }
});
