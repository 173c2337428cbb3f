//! The roles and what they carry, written down once more and by hand: what the server is held against.

/// The roles and their permissions: section 6.5, once more and by hand.
pub const ROLES: [(&str, &str); 12] = [
    (
        "IAM_OWNER",
        "session.read session.write session.delete user.read user.write user.delete user.credential.write user.passkey.write",
    ),
    ("IAM_OWNER_VIEWER", "session.read user.read"),
    (
        "IAM_ORG_MANAGER",
        "session.read session.delete user.read user.write user.delete user.credential.write user.passkey.write",
    ),
    ("IAM_USER_MANAGER", "session.read session.delete user.read user.write user.delete user.passkey.write"),
    (
        "IAM_LOGIN_CLIENT",
        "session.read session.write session.delete session.link user.read user.write user.credential.write user.passkey.write",
    ),
    (
        "ORG_OWNER",
        "session.read session.delete user.read user.write user.delete user.credential.write user.passkey.write",
    ),
    ("ORG_USER_MANAGER", "session.read session.delete user.read user.write user.delete"),
    ("ORG_OWNER_VIEWER", "user.read"),
    ("ORG_USER_PERMISSION_EDITOR", "user.read"),
    ("ORG_PROJECT_PERMISSION_EDITOR", "user.read"),
    ("SELF_MANAGEMENT_GLOBAL", "user.self.delete"),
    ("ORG_USER_SELF_MANAGER", "user.self.delete"),
];

/// Whether a role is held on the instance.
pub fn is_for_instance(role: &str) -> bool {
    role.starts_with("IAM_") || role == "SELF_MANAGEMENT_GLOBAL"
}

/// Whether a role carries a permission.
pub fn carries(role: &str, permission: &str) -> bool {
    ROLES.iter().any(|(name, held)| *name == role && held.split(' ').any(|held| held == permission))
}
