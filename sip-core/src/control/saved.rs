//! Saved calls as JSON.

use super::json::{reads, writes};
use crate::endpoint::{SavedCall, SavedSession};

reads!(#strict SavedCall {
    version, incoming, call_id, local, remote, target, route_set, local_cseq, remote_cseq, holding, held, takes_update,
    takes_info, since, session, origin, privacy, streams,
});

writes!(SavedCall {
    version,
    incoming,
    call_id,
    local,
    remote,
    target,
    route_set,
    local_cseq,
    remote_cseq,
    holding,
    held,
    takes_update,
    takes_info,
    since,
    session,
    origin,
    privacy,
    streams,
});

reads!(#strict SavedSession { interval, min_se, local, deadline });

writes!(SavedSession { interval, min_se, local, deadline });
