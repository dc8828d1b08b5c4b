use futures_util::future::join_all;
use messaging_domain::Party;
use messaging_store::{OpenError, PutContract, PutContractError};

use crate::world::{World, contract, contract_id, message, milestone_id, user};

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_is_created_then_replaced_whole() {
    let world = World::new().await;
    let store = world.replica().store;
    let Ok(PutContract::Created(created)) =
        store.put_contract(contract("c-1", &["m-1", "m-2"])).await
    else {
        panic!("it is created");
    };
    assert_eq!(
        store.contract(&contract_id("c-1")).await.unwrap(),
        Some(created.clone())
    );
    let mut other = contract("c-1", &["m-3"]);
    other.parties.client = user("another");
    other.title = None;
    let Ok(PutContract::Replaced(replaced)) = store.put_contract(other).await else {
        panic!("it is replaced");
    };
    assert_eq!(
        store.contract(&contract_id("c-1")).await.unwrap(),
        Some(replaced.clone())
    );
    assert_eq!(replaced.created_at, created.created_at);
    assert_eq!(
        (
            replaced.client_id,
            replaced.title,
            replaced.milestones.len()
        ),
        (user("another"), None, 1)
    );
    assert_eq!(store.contract(&contract_id("c-2")).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_holds_its_parties_and_its_milestone() {
    let world = World::new().await;
    let store = world.replica().store;
    store
        .put_contract(contract("c-1", &["m-1", "m-2"]))
        .await
        .unwrap();
    store
        .open_conversation(
            &contract_id("c-1"),
            Some(&milestone_id("m-1")),
            &user("client"),
        )
        .await
        .unwrap();
    assert!(matches!(
        store.put_contract(contract("c-1", &["m-1", "m-3"])).await,
        Ok(PutContract::Replaced(_))
    ));
    assert!(matches!(
        store.put_contract(contract("c-1", &["m-3"])).await,
        Err(PutContractError::MilestoneInUse)
    ));
    let mut other = contract("c-1", &["m-1"]);
    other.parties.freelancer = user("another");
    assert!(matches!(
        store.put_contract(other).await,
        Err(PutContractError::PartyChanged)
    ));
    store
        .open_conversation(&contract_id("c-1"), None, &user("freelancer"))
        .await
        .unwrap();
    assert!(matches!(
        store.put_contract(contract("c-1", &["m-1"])).await,
        Ok(PutContract::Replaced(_))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_unknown_things_look_alike() {
    let world = World::new().await;
    let store = world.replica().store;
    store.put_contract(contract("c-1", &["m-1"])).await.unwrap();
    let check = async |contract: &str, milestone: Option<&str>, who: &str| {
        let milestone = milestone.map(milestone_id);
        let opened = store
            .open_conversation(&contract_id(contract), milestone.as_ref(), &user(who))
            .await;
        assert!(
            matches!(opened, Err(OpenError::NotFound)),
            "{contract} {milestone:?} {who}"
        );
    };
    check("c-1", None, "stranger").await;
    check("c-2", None, "client").await;
    check("c-1", Some("m-2"), "client").await;
    // What strangers tried has not pinned the contract.
    assert!(matches!(
        store.put_contract(contract("c-1", &[])).await,
        Ok(PutContract::Replaced(_))
    ));
    store
        .open_conversation(&contract_id("c-1"), None, &user("client"))
        .await
        .unwrap();
    check("c-1", None, "stranger").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_that_races_a_first_message_orphans_nothing() {
    let world = World::new().await;
    let (one, other) = (world.replica().store, world.replica().store);
    for round in 0..30 {
        let id = format!("c-{round}");
        one.put_contract(contract(&id, &["m-1"])).await.unwrap();
        let send = async {
            let key = one
                .open_conversation(
                    &contract_id(&id),
                    Some(&milestone_id("m-1")),
                    &user("client"),
                )
                .await?;
            one.append(&key, Party::Client, message("first"))
                .await
                .expect("an open conversation takes messages");
            Ok::<_, OpenError>(())
        };
        let (sent, put) = tokio::join!(send, other.put_contract(contract(&id, &[])));
        match (sent, put) {
            (Ok(()), Err(PutContractError::MilestoneInUse)) | (Err(OpenError::NotFound), Ok(_)) => {
            }
            both => panic!("{both:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn puts_of_one_new_contract_at_once_create_it_once() {
    let world = World::new().await;
    let stores = [world.replica().store, world.replica().store];
    stores[0].prepare().await.unwrap();
    let puts =
        join_all((0..20).map(|index: usize| stores[index % 2].put_contract(contract("c-1", &[]))))
            .await;
    let created = puts
        .iter()
        .filter(|put| matches!(put, Ok(PutContract::Created(_))))
        .count();
    assert!(puts.iter().all(Result::is_ok), "{puts:?}");
    assert_eq!(created, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_who_share_a_contract_are_found_once() {
    let world = World::new().await;
    let store = world.replica().store;
    let pairs = [("a", "b"), ("a", "b"), ("c", "a"), ("a", "d"), ("b", "c")];
    for (index, (client, freelancer)) in pairs.into_iter().enumerate() {
        let mut new = contract(&format!("c-{index}"), &[]);
        new.parties.client = user(client);
        new.parties.freelancer = user(freelancer);
        store.put_contract(new).await.unwrap();
    }
    let mut found = store.counterparts(&user("a"), 10).await.unwrap();
    found.sort();
    assert_eq!(found, ["b", "c", "d"].map(user));
    assert_eq!(store.counterparts(&user("a"), 2).await.unwrap().len(), 2);
    let mut among = store
        .counterparts_among(&user("a"), &["c", "d", "x", "a"].map(user))
        .await
        .unwrap();
    among.sort();
    assert_eq!(among, ["c", "d"].map(user));
    assert!(
        store
            .counterparts_among(&user("a"), &[])
            .await
            .unwrap()
            .is_empty()
    );
    assert!(store.counterparts(&user("x"), 10).await.unwrap().is_empty());
    let users = ["a", "x", "b"].map(user);
    let users: Vec<_> = users.iter().collect();
    // By one query, and one by one, as together they have more.
    for limit in [10, 3] {
        let of_each = store.counterparts_of_each(&users, limit).await.unwrap();
        for asked in &users {
            let mut one = store.counterparts(asked, 10).await.unwrap();
            let mut each = of_each.get(*asked).cloned().unwrap_or_default();
            one.sort_unstable();
            each.sort_unstable();
            assert_eq!(each, one, "{asked} of {limit}");
        }
    }
}
