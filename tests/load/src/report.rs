use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::json;

use crate::chat::{Load, Outcome, Plan};
use crate::cluster::processor;
use crate::database::Safety;

/// Prints a table for people, and a line of JSON for programs.
pub(crate) fn chat(plan: &Plan<'_>, outcome: &Outcome) {
    let seconds = outcome.time.as_secs_f64();
    let rate = outcome.rate();
    let load = match plan.load {
        Load::Closed => "each sender sends again once acked".to_owned(),
        Load::Open { per_second } => format!("{per_second} messages/s on a schedule"),
    };
    println!(
        "\nchat, {} loop: {} conversations, 2 users each on different gateways; {load}",
        plan.name, plan.conversations
    );
    println!(
        "  acked messages/s      {rate:>10.0}   ({} in {seconds:.0} s, {} refused)",
        outcome.acked, outcome.refused
    );
    print_latency("send to ack, ms", &outcome.ack_micros);
    print_latency("send to delivery, ms", &outcome.delivery_micros);
    if !outcome.late_micros.is_empty() {
        print_latency("of it sent late, ms", &outcome.late_micros);
    }
    let per_message = |time: Duration| time.as_secs_f64() * 1000.0 / outcome.acked.max(1) as f64;
    println!(
        "  CPU-ms per message    {:>10.3}   ours, of which:",
        per_message(outcome.usage.ours())
    );
    for (program, used) in outcome.usage.programs() {
        println!("    {program:<20}{:>10.3}", per_message(used));
    }
    println!(
        "  lost {}, doubled or swapped {}",
        outcome.lost, outcome.out_of_order
    );
    let cpu: serde_json::Map<String, serde_json::Value> = outcome
        .usage
        .programs()
        .map(|(program, used)| (program.to_owned(), json!(per_message(used))))
        .collect();
    let line = json!({
        "scenario": "chat", "loop": plan.name, "conversations": plan.conversations, "processor": processor(),
        "ackedPerSecond": rate, "acked": outcome.acked, "refused": outcome.refused,
        "ackMs": quantiles(&outcome.ack_micros), "deliveryMs": quantiles(&outcome.delivery_micros),
        "lateMs": quantiles(&outcome.late_micros),
        "cpuMsPerMessage": cpu, "lost": outcome.lost, "outOfOrder": outcome.out_of_order,
    });
    println!("{line}");
}

/// What the messages of a run were stored with.
pub(crate) fn safety(safety: &Safety) {
    let Safety {
        stored,
        by_majority,
        is_journaled,
        unique_indexes,
    } = safety;
    let (is_on, unique) = (safety.is_on(), unique_indexes.iter());
    let unique: Vec<&str> = unique.map(String::as_str).collect();
    println!(
        "\nsafety {}: {stored} messages stored, {by_majority} inserts acknowledged by a majority, {} its journal; unique indexes: {}",
        if is_on { "on" } else { "OFF" },
        if *is_journaled { "in" } else { "NOT in" },
        unique.join(", ")
    );
    let line = json!({
        "scenario": "safety", "isOn": is_on, "stored": stored, "byMajority": by_majority, "isJournaled": is_journaled,
        "uniqueIndexes": unique,
    });
    println!("{line}");
}

/// A line for people.
pub(crate) fn print_latency(name: &str, micros: &Histogram<u64>) {
    let at = |quantile: f64| micros.value_at_quantile(quantile) as f64 / 1000.0;
    println!(
        "  {name:<22}{:>9.2} p50 {:>9.2} p99 {:>9.2} p99.9 {:>9.2} max   ({} samples)",
        at(0.5),
        at(0.99),
        at(0.999),
        micros.max() as f64 / 1000.0,
        micros.len(),
    );
}

/// Milliseconds, for programs.
pub(crate) fn quantiles(micros: &Histogram<u64>) -> serde_json::Value {
    let at = |quantile: f64| micros.value_at_quantile(quantile) as f64 / 1000.0;
    json!({ "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p999": at(0.999), "max": micros.max() as f64 / 1000.0 })
}
