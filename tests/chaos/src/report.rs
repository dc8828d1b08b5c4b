use std::time::Duration;

use crate::{oracle::Kind, run::Outcome};

/// A row of each table: all runs of one fault.
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
    /// Of the run that had most.
    clients: usize,
    sending: Duration,
    failed: usize,
    failed_most: usize,
    /// The clients of all runs, and those with more than one failed attempt.
    clients_of_all: usize,
    clients_above_one: usize,
}

const PROMISES: [&str; 11] = [
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

const CONNECTING: [&str; 6] = [
    "fault",
    "connections",
    "messages/s",
    "failed attempts",
    "most of a client",
    "clients with more than one",
];

/// Prints all rows as two tables of Markdown. Times are the longest of all runs.
pub(crate) fn print(rows: &[Row]) {
    print_table(PROMISES, rows.iter().map(Row::promises).collect());
    print_table(CONNECTING, rows.iter().map(Row::connecting).collect());
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
        let connecting = &outcome.connecting;
        self.clients = self.clients.max(connecting.clients);
        self.sending += connecting.sending;
        self.failed += connecting.failed;
        self.failed_most = self.failed_most.max(connecting.failed_most);
        self.clients_of_all += connecting.clients;
        self.clients_above_one += connecting.clients_above_one;
    }

    fn count(&self, kind: Kind) -> usize {
        self.violations.iter().filter(|of| **of == kind).count()
    }

    fn promises(&self) -> [String; 11] {
        let [lost, doubled, swapped, changes] =
            [Kind::Lost, Kind::Doubled, Kind::Swapped, Kind::ChangeMissed]
                .map(|kind| self.count(kind));
        let other = self.violations.len() - lost - doubled - swapped - changes;
        let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
        [
            self.name.clone(),
            self.runs.to_string(),
            self.sent.to_string(),
            self.acked.to_string(),
            lost.to_string(),
            doubled.to_string(),
            swapped.to_string(),
            changes.to_string(),
            other.to_string(),
            seconds(self.silence),
            match self.is_healed {
                true => seconds(self.healing),
                false => "never".to_owned(),
            },
        ]
    }

    fn connecting(&self) -> [String; 6] {
        let rate = self.acked as f64 / self.sending.as_secs_f64().max(1.0);
        let above_one = self.clients_above_one as f64 / self.clients_of_all.max(1) as f64;
        [
            self.name.clone(),
            self.clients.to_string(),
            format!("{rate:.0}"),
            self.failed.to_string(),
            self.failed_most.to_string(),
            format!("{:.1} %", 100.0 * above_one),
        ]
    }
}

fn print_table<const N: usize>(head: [&str; N], cells: Vec<[String; N]>) {
    let width = |column: usize| {
        let widths = cells.iter().map(|row| row[column].len());
        widths.max().unwrap_or(0).max(head[column].len())
    };
    let line = |row: [&str; N]| {
        let padded = row.iter().enumerate().map(|(column, cell)| match column {
            0 => format!(" {cell:<width$} ", width = width(column)),
            _ => format!(" {cell:>width$} ", width = width(column)),
        });
        format!("|{}|", padded.collect::<Vec<_>>().join("|"))
    };
    println!("\n{}", line(head));
    println!("{}", line([" ---"; N]));
    for row in &cells {
        println!("{}", line(row.each_ref().map(String::as_str)));
    }
}
