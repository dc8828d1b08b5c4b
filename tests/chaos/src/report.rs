use std::time::Duration;

use crate::{oracle::Kind, run::Outcome};

/// A row of the table: all runs of one fault.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) name: String,
    runs: usize,
    sent: usize,
    acked: usize,
    violations: Vec<Kind>,
    silence: Duration,
    healing: Duration,
    is_healed: bool,
}

impl Row {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            is_healed: true,
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        self.sent += outcome.sent;
        self.acked += outcome.acked;
        let kinds = outcome.violations.iter().map(|violation| violation.kind);
        self.violations.extend(kinds);
        self.silence = self.silence.max(outcome.silence);
        self.healing = self.healing.max(outcome.healing.unwrap_or_default());
        self.is_healed &= outcome.healing.is_some();
    }

    fn count(&self, kind: Kind) -> usize {
        self.violations.iter().filter(|of| **of == kind).count()
    }

    fn cells(&self) -> [String; 11] {
        let [lost, doubled, swapped, changes] =
            [Kind::Lost, Kind::Doubled, Kind::Swapped, Kind::ChangeMissed]
                .map(|kind| self.count(kind));
        let other = self.violations.len() - lost - doubled - swapped - changes;
        let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
        let mut cells = [
            self.runs, self.sent, self.acked, lost, doubled, swapped, changes, other,
        ]
        .into_iter()
        .map(|number| number.to_string());
        let mut next = || cells.next().unwrap_or_default();
        [
            self.name.clone(),
            next(),
            next(),
            next(),
            next(),
            next(),
            next(),
            next(),
            next(),
            seconds(self.silence),
            match self.is_healed {
                true => seconds(self.healing),
                false => "never".to_owned(),
            },
        ]
    }
}

const HEAD: [&str; 11] = [
    "fault",
    "runs",
    "sent",
    "acked",
    "lost",
    "doubled",
    "swapped",
    "changes missed",
    "other",
    "longest silence",
    "time to heal",
];

/// Prints all rows as one table of Markdown. Times are the longest of all runs.
pub(crate) fn print(rows: &[Row]) {
    let cells: Vec<[String; 11]> = rows.iter().map(Row::cells).collect();
    let width = |column: usize| {
        let widths = cells.iter().map(|row| row[column].len());
        widths.max().unwrap_or(0).max(HEAD[column].len())
    };
    let line = |row: [&str; 11]| {
        let padded = row.iter().enumerate().map(|(column, cell)| match column {
            0 => format!(" {cell:<width$} ", width = width(column)),
            _ => format!(" {cell:>width$} ", width = width(column)),
        });
        format!("|{}|", padded.collect::<Vec<_>>().join("|"))
    };
    println!("\n{}", line(HEAD));
    println!("{}", line([" ---"; 11]));
    for row in &cells {
        println!("{}", line(row.each_ref().map(String::as_str)));
    }
}
