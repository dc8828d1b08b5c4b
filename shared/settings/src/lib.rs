//! Settings from environment variables: everything is read, every fault is found, and only then does a process go on.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The exit code of a process whose settings are wrong (`EX_USAGE` of BSD's `sysexits.h`).
pub const EXIT_CODE: u8 = 64;

/// The environment, and what was found to be wrong with it so far.
///
/// An empty variable counts as one that is not set, as orchestrators often cannot tell the two apart.
#[derive(Debug)]
pub struct Settings {
    variables: HashMap<String, String>,
    asked: RefCell<BTreeSet<String>>,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
}

/// One wrong or missing setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it; never its value, which may be a secret.
    pub message: String,
}

/// All faults of an environment; displayed, a line for each.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct Faults(pub Vec<Fault>);

/// What is allowed, but is better not left so. To be logged once there is a log, which hangs on the settings itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "they are to be logged"]
pub struct Warnings(pub Vec<Fault>);

impl Faults {
    /// Writes each fault as a line on standard error and returns the code to exit with.
    #[expect(
        clippy::print_stderr,
        reason = "no log is set up when the settings are wrong"
    )]
    pub fn report(&self) -> std::process::ExitCode {
        eprintln!("{self}");
        EXIT_CODE.into()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let line_end = if index == 0 { "" } else { "\n" };
            write!(f, "{line_end}{}: {}", fault.variable, fault.message)?;
        }
        Ok(())
    }
}

impl Settings {
    /// The process's environment. A variable that is not UTF-8 is left out.
    pub fn from_env() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where the environment is read"
        )]
        let variables = std::env::vars_os();
        Self::from_pairs(variables.filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// An environment of these variables.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let variables = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .filter(|(_, value): &(String, String)| !value.trim().is_empty())
            .collect();
        Self {
            variables,
            asked: RefCell::default(),
            faults: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The text of a variable, if it is set.
    pub fn text(&self, variable: &str) -> Option<&str> {
        self.asked.borrow_mut().insert(variable.to_owned());
        self.variables.get(variable).map(|value| value.trim())
    }

    /// The value of a variable; nothing, and no fault, if it is not set.
    pub fn optional<T>(&mut self, variable: &'static str) -> Option<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        match self.text(variable)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(variable, format!("is not valid: {error}"));
                None
            }
        }
    }

    /// The value of a variable, or the default if it is not set.
    pub fn or<T>(&mut self, variable: &'static str, default: T) -> T
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        self.optional(variable).unwrap_or(default)
    }

    /// The value of a number that must lie within a range, or the default if it is not set.
    pub fn within<T>(
        &mut self,
        variable: &'static str,
        range: std::ops::RangeInclusive<T>,
        default: T,
    ) -> T
    where
        T: FromStr + PartialOrd + fmt::Display,
        T::Err: fmt::Display,
    {
        let value = self.optional(variable).unwrap_or(default);
        if !range.contains(&value) {
            self.fault(
                variable,
                format!("must be {} to {}", range.start(), range.end()),
            );
        }
        value
    }

    /// The text of a variable that must be set; a fault that says what it is for if it is not.
    pub fn required(&mut self, variable: &'static str, purpose: &str) -> Option<String> {
        let text = self.text(variable).map(str::to_owned);
        if text.is_none() {
            self.fault(variable, format!("is not set; it is {purpose}"));
        }
        text
    }

    /// Gives a variable a value if it has none.
    pub fn set_default(&mut self, variable: &'static str, value: impl Into<String>) {
        self.variables
            .entry(variable.to_owned())
            .or_insert_with(|| value.into());
    }

    /// Gives a variable a value, whatever it had: one that was given on the command line.
    pub fn set(&mut self, variable: &'static str, value: impl Into<String>) {
        self.variables.insert(variable.to_owned(), value.into());
    }

    /// Notes a fault, once however often it is found.
    pub fn fault(&mut self, variable: &'static str, message: impl Into<String>) {
        let fault = Fault {
            variable,
            message: message.into(),
        };
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// Notes a warning, once however often there is a reason for it.
    pub fn warning(&mut self, variable: &'static str, message: impl Into<String>) {
        let warning = Fault {
            variable,
            message: message.into(),
        };
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// The variables that were asked for so far, set or not, in alphabetical order: what a process knows of.
    pub fn asked(&self) -> Vec<String> {
        self.asked.borrow().iter().cloned().collect()
    }

    /// The end of reading.
    ///
    /// # Errors
    /// All [`Faults`] that were found, in the order of reading.
    pub fn finish(self) -> Result<Warnings, Faults> {
        if self.faults.is_empty() {
            Ok(Warnings(self.warnings))
        } else {
            Err(Faults(self.faults))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_found_and_none_tells_the_value() {
        let mut settings =
            Settings::from_pairs([("PORT", "hunter2"), ("SIZE", "0"), ("EMPTY", " ")]);
        assert_eq!(settings.or("PORT", 8000u16), 8000);
        assert_eq!(settings.within("SIZE", 1..=10, 5u32), 0);
        assert_eq!(settings.required("EMPTY", "needed for this test"), None);
        let faults = settings.finish().expect_err("three faults").to_string();
        assert_eq!(faults.lines().count(), 3);
        assert!(!faults.contains("hunter2"), "{faults}");
    }

    #[test]
    fn a_warning_is_no_fault_and_noted_once() {
        let mut settings = Settings::from_pairs([("PORT", "1")]);
        for _ in 0..2 {
            settings.warning("PORT", "is one that only root may use");
        }
        let Warnings(warnings) = settings.finish().expect("no fault");
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn a_value_from_the_command_line_counts_before_the_environment() {
        let mut settings = Settings::from_pairs([("PORT", "1"), ("SIZE", "2")]);
        settings.set("PORT", "3");
        settings.set("NAME", "four");
        assert_eq!(settings.or("PORT", 0u16), 3);
        assert_eq!(settings.or("SIZE", 0u16), 2);
        assert_eq!(settings.text("NAME"), Some("four"));
    }

    #[test]
    fn what_was_asked_for_is_known_whether_it_is_set_or_not() {
        let mut settings = Settings::from_pairs([("PORT", "1"), ("OTHER", "2")]);
        settings.or("PORT", 8000u16);
        settings.optional::<u16>("SIZE");
        settings.required("PORT", "needed for this test");
        assert_eq!(settings.asked(), ["PORT", "SIZE"]);
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let mut settings = Settings::from_pairs([("PORT", "")]);
        assert_eq!(settings.or("PORT", 8000u16), 8000);
        assert_eq!(settings.finish(), Ok(Warnings::default()));
    }
}
