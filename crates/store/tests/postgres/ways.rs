//! The ways to a server: through a pooler, with TLS, to databases made with other locales.

use doorward_core::caller::Reach;
use doorward_core::search::{Page, UserFilter, UserOrder, UserText, UserView};
use doorward_core::user::UserState;
use doorward_postgres_rig::{Pooler, Server, Tls};
use doorward_store::together::{Bearers, Births};
use doorward_store::user::Wanted;
use doorward_store::{
    Db, PostgresSettings, Settings, StoreError, migrate, session, session_search, user, user_search,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::rig::{Rig, postgres_settings};
use crate::sample::{
    ALL, add_session, add_user, complete_human, complete_session, everything, human, organisations,
    session as plain,
};

fn with(settings: PostgresSettings, database: doorward_postgres_rig::Database) -> Rig {
    let settings = Settings::Postgres(settings);
    let db = Db::open(settings.clone()).unwrap();
    Rig { db, settings, _dir: tempfile::tempdir().unwrap(), _database: Some(database) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_through_a_pooler_that_keeps_nothing_between_transactions() {
    let server = Server::shared();
    let database = server.database();
    let pooler = Pooler::start(server, &database);
    let settings = PostgresSettings { pooler: true, ..postgres_settings(pooler.url()) };
    let rig = with(settings, database);
    migrate(&rig.db).await.unwrap();
    organisations(&rig).await;
    add_user(&rig, &complete_human("1", "mini")).await;
    let births = Births::new(&rig.db);
    assert!(births.add(plain(1)).await.unwrap());
    assert_eq!(Bearers::personal(&rig.db).of("t").await.unwrap(), None);
    add_session(&rig, &complete_session(0)).await;
    let changed = plain(1);
    writing!(rig, [changed] session::save(&changed)).unwrap();
    let found = reading!(rig, user::find(&Wanted::LoginName("MINI".to_owned()))).unwrap().unwrap();
    assert_eq!((found.id.as_str(), found.state), ("1", UserState::Locked));
    let scan = rig
        .db
        .scan(|conn| Box::pin(async move { session_search::search(conn, &[], &everything(), ALL).await }));
    assert_eq!(scan.await.unwrap().total, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_are_sorted_by_their_bytes_whatever_the_database_was_made_with() {
    let database = Server::shared().database_with("icu:de");
    let rig = with(postgres_settings(database.url()), database);
    migrate(&rig.db).await.unwrap();
    organisations(&rig).await;
    for (id, name) in [("1", "b"), ("2", "B"), ("3", "ä"), ("4", "a"), ("5", "Z")] {
        let mut user = human(id, &format!("{name}-{id}"));
        crate::sample::person(&mut user).profile.nick_name = Some(name.to_owned());
        add_user(&rig, &user).await;
    }
    let view = UserView { reach: Reach::Everything, caller: "nobody".to_owned() };
    let (order, page) = (UserOrder::Text(UserText::NickName), Page { ascending: true, ..ALL });
    let found = reading!(rig, user_search::search(&UserFilter::All(Vec::new()), &view, order, page)).unwrap();
    let ids: Vec<_> = found.entries.iter().map(|user| user.id.as_str()).collect();
    assert_eq!(ids, ["2", "5", "4", "1", "3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_spoken_to_only_if_its_certificate_holds() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let authority = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let certificate = params.self_signed(&key).unwrap();
        (Issuer::new(params, key), certificate.pem())
    };
    let ((issuer, root), (_, stranger)) = (authority("root"), authority("stranger"));
    let key = KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let (root, stranger) = (file("root.pem", root), file("stranger.pem", stranger));
    let (chain, key) = (file("server.pem", certificate.pem()), file("server.key", key.serialize_pem()));
    let server = Server::start_tls(&[], &Tls { certificate: &chain, key: &key, client_ca: None });
    let database = server.database();
    let plain = database.tcp_url();
    let join = |query: String| format!("{plain}{}{query}", if plain.contains('?') { "&" } else { "?" });
    let open = |url: String| Db::open(Settings::Postgres(postgres_settings(&url)));
    let good = open(join(format!("sslrootcert={}", root.display()))).unwrap();
    assert_eq!(migrate(&good).await.unwrap().first(), Some(&"0001_initial"));
    for (query, why) in [
        (format!("sslrootcert={}", stranger.display()), "UnknownIssuer"),
        ("sslmode=disable".to_owned(), "no encryption"),
    ] {
        let refused = migrate(&open(join(query)).unwrap()).await.unwrap_err();
        assert!(!matches!(refused, StoreError::Settings(_)), "{refused:?}");
        let text = refused.to_string();
        assert!(text.contains(why), "{text}");
    }
}
