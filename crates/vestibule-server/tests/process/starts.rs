//! T89: two servers that start at once on an empty database.

use vestibule::testing::races::say;

use crate::place::Place;

#[test]
fn t89_of_two_servers_that_start_at_once_on_nothing_one_makes_the_tables_and_both_serve() {
    for kind in [Place::sqlite as fn() -> Place, Place::postgres] {
        let mut slowest = std::time::Duration::ZERO;
        for _ in 0..5 {
            let place = kind();
            let mut servers = [place.spawn(&[]), place.spawn(&[])];
            for server in &mut servers {
                server.wait_until_ready();
                slowest = slowest.max(server.ready_after);
            }
            let migrations = place.numbers("SELECT version FROM auth_migrations ORDER BY version");
            assert_eq!(migrations, (1..=migrations.len() as i64).collect::<Vec<_>>(), "each once");
            let [one, other] = servers.each_ref().map(|server| server.driver());
            let (ana, ben) = (one.register("ana"), other.register("ben"));
            assert_eq!((one.status_of(&ben), other.status_of(&ana)), (200, 200));
            assert_eq!(place.faults(), []);
        }
        say(&format!("two first starts at once on {}: 5 times, both ready after at most {slowest:.0?}", kind().kind));
    }
}
