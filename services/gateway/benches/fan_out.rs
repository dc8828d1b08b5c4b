//! One event to the connections of a room: it is encoded once, and each outbox shares the bytes.

use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use messaging_gateway::connection::{Class, Link, LinkLimits, SocketMetrics, text_frame};
use prometheus::Registry;

const TEXT_BYTES: usize = 600;

fn main() {
    divan::main();
}

#[divan::bench(args = [2, 16, 256])]
fn to_outboxes(bencher: Bencher<'_, '_>, connections: usize) {
    let metrics = Arc::new(SocketMetrics::register(&Registry::new()).expect("registered once"));
    let limits = LinkLimits {
        outbox_bytes_max: 256 * 1_024,
    };
    let text = "x".repeat(TEXT_BYTES);
    bencher
        .counter(ItemsCount::new(connections))
        .with_inputs(|| {
            let links = (0..connections).map(|_| Link::new(limits, Arc::clone(&metrics)));
            links.collect::<Vec<_>>()
        })
        .bench_values(|links| {
            let frame = text_frame(black_box(text.as_bytes()));
            for link in &links {
                link.push(frame.clone(), Class::Durable);
            }
            // Dropped by the harness: what an outbox costs at its end is no part of this.
            links
        });
}
