use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::ServerConfig;

/// The places that there are for connections: so many in all, and so many for each address.
pub(crate) struct Places(Arc<Inner>);

/// A place that is taken until this is dropped.
pub(crate) struct Place {
    places: Arc<Inner>,
    address: IpAddr,
}

struct Inner {
    max: usize,
    per_address_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    count: usize,
    /// Empty where addresses have no limit.
    by_address: HashMap<IpAddr, usize>,
}

impl Places {
    /// As the settings have it, where 0 means no limit.
    pub(crate) fn new(config: &ServerConfig) -> Self {
        let limit = |setting: usize| if setting == 0 { usize::MAX } else { setting };
        Self(Arc::new(Inner {
            max: limit(config.connections_max),
            per_address_max: limit(config.connections_per_address_max),
            taken: Mutex::default(),
        }))
    }

    /// `None` if there is none, or none for this address.
    pub(crate) fn take(&self, address: IpAddr) -> Option<Place> {
        let mut taken = self.0.taken.lock();
        if taken.count >= self.0.max {
            return None;
        }
        if self.0.counts_addresses() {
            let count = taken.by_address.entry(address).or_default();
            if *count >= self.0.per_address_max {
                return None;
            }
            *count += 1;
        }
        taken.count += 1;
        Some(Place {
            places: Arc::clone(&self.0),
            address,
        })
    }
}

impl Inner {
    const fn counts_addresses(&self) -> bool {
        self.per_address_max < usize::MAX
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        taken.count -= 1;
        if let Some(count) = taken.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;

    fn places(connections_max: usize, connections_per_address_max: usize) -> Places {
        Places::new(&ServerConfig {
            bind_address: SocketAddr::from(([127, 0, 0, 1], 0)),
            connections_per_address_max,
            connections_max,
        })
    }

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(127, 0, 0, last).into()
    }

    #[test]
    fn an_address_has_so_many_and_all_together_have_so_many() {
        let places = places(3, 2);
        let first = places.take(address(1)).expect("the first");
        let _second = places.take(address(1)).expect("the second");
        assert!(places.take(address(1)).is_none(), "its address has two");
        let _third = places.take(address(2)).expect("another address");
        assert!(places.take(address(3)).is_none(), "there are three");
        drop(first);
        let _again = places.take(address(3)).expect("one has gone");
        assert!(places.take(address(1)).is_none(), "there are three again");
    }

    #[test]
    fn without_limits_all_are_let_in_and_no_address_is_remembered() {
        let places = places(0, 0);
        let taken: Vec<_> = (0..100).map(|_| places.take(address(1))).collect();
        assert!(taken.iter().all(Option::is_some));
        assert!(places.0.taken.lock().by_address.is_empty());
    }
}
