-- POST /v1/enrolments: in the subtree of the class, the old one's and the new one's. Whose it is does not change.
--
-- A learner who has moved: the homeroom that began last is the one of record (learner_records). A former school that goes on to claim
-- the days since then, with a new enrolment or a changed one, is `not_authoritative`; ending its own earlier is always taken, and so
-- is the same again. A homeroom that overlaps another one is taken with a warning.
create function put_enrolments(
    p_callers integer[], p_scope_callers integer[], p_scope_nodes uuid[], p_today date,
    p_ids uuid[], p_learners uuid[], p_classes uuid[], p_from date[], p_to date[], p_modes smallint[],
    p_modified timestamptz[], p_sources text[], p_sourced_ids text[], p_fingerprints uuid[], p_heads bytea[])
    returns table (item integer, outcome text, code text, pointer text, other uuid) language plpgsql as $$
#variable_conflict use_column
declare
    v_stamp record := outbox_stamp();
    v_learners uuid[];
    v_outcomes text[];
    v_elsewhere uuid[];   -- the homeroom that took over
    v_overlapping uuid[]; -- another one on the same days: said, not refused
    v_revisions bigint[];
begin
    perform put_lock('enrolment', p_ids);
    v_learners := canonical_ids(p_learners);
    select array_agg(case when c.id is null then 'class_unknown'
                          when not put_within(o.path, r.nodes)
                               or (e.id is not null and not put_within(b.path, r.nodes)) then 'out_of_scope'
                          when p.id is null then 'learner_unknown'
                          when e.learner <> i.learner then 'id_reused'
                          when i.outcome in ('created', 'updated') and h.elsewhere is not null
                               and not coalesce(i.class = e.class and i.until < coalesce(e.valid_to, 'infinity'), false)
                          then 'not_authoritative'
                          else i.outcome end order by i.place),
           array_agg(h.elsewhere order by i.place),
           array_agg(h.overlapping order by i.place)
    into v_outcomes, v_elsewhere, v_overlapping
    from (select u.*, coalesce(u.valid_to, 'infinity') as until,
                 put_outcome(k.fingerprint, k.modified_at, u.fingerprint, u.modified) as outcome
          from unnest(p_callers, p_ids, v_learners, p_classes, p_from, p_to, p_modified, p_fingerprints) with ordinality
                   as u (caller, id, learner, class, valid_from, valid_to, modified, fingerprint, place)
               left join enrolment k on k.id = u.id) i
         left join put_scopes(p_scope_callers, p_scope_nodes) r on r.caller = i.caller
         left join class c on c.id = i.class
         left join organisation o on o.id = c.organisation
         left join person p on p.id = i.learner
         left join enrolment e on e.id = i.id
         left join class d on d.id = e.class
         left join organisation b on b.id = d.organisation
         left join lateral ( -- other homerooms on the same days; of them today's one of somebody else's that began later: it took over
             select (array_agg(t.id order by t.valid_from desc, t.id desc))[1] as overlapping,
                    (array_agg(t.id order by t.valid_from desc, t.id desc)
                     filter (where t.valid_from <= p_today and coalesce(t.valid_to, p_today) >= p_today
                                   and (t.valid_from > i.valid_from
                                        or (t.valid_from = i.valid_from and (e.id is null or t.id > e.id)))
                                   and not put_within(q.path, r.nodes)))[1] as elsewhere
             from enrolment t
                  cross join lateral (select k.organisation from class k where k.id = t.class and k.type = 1 limit 1) k
                  cross join lateral (select q.path from organisation q where q.id = k.organisation limit 1) q
             where i.outcome in ('created', 'updated') and c.type = 1 and t.learner = i.learner and t.id <> i.id
               and t.valid_from <= i.until and coalesce(t.valid_to, 'infinity') >= i.valid_from) h on true;

    with written as (
        insert into enrolment as e (id, learner, class, valid_from, valid_to, mode, fingerprint, modified_at, source, sourced_id,
                                    epoch, xid)
        select i.id, i.learner, i.class, i.valid_from, i.valid_to, i.mode, i.fingerprint, coalesce(i.modified, now()), i.source,
               i.sourced_id, v_stamp.epoch, v_stamp.xid
        from unnest(p_ids, v_learners, p_classes, p_from, p_to, p_modes, p_modified, p_sources, p_sourced_ids, p_fingerprints,
                    v_outcomes)
                 as i (id, learner, class, valid_from, valid_to, mode, modified, source, sourced_id, fingerprint, outcome)
        where i.outcome in ('created', 'updated') order by i.id
        on conflict (id) do update set (class, valid_from, valid_to, mode, fingerprint, modified_at, source, sourced_id, epoch, xid)
            = (excluded.class, excluded.valid_from, excluded.valid_to, excluded.mode, excluded.fingerprint,
               greatest(excluded.modified_at, e.modified_at), excluded.source, excluded.sourced_id, excluded.epoch, excluded.xid),
            revision = e.revision + 1, changed_at = now()
        returning e.id, e.revision
    ) select array_agg(w.revision order by i.place) into v_revisions
      from unnest(p_ids) with ordinality as i (id, place) left join written w on w.id = i.id;

    perform put_log(103::smallint, p_ids, v_outcomes, v_revisions,
                    array(select i.head || event_uuid('learner', i.learner)
                          from unnest(p_heads, v_learners) with ordinality as i (head, learner, place) order by i.place));
    perform put_seen('enrolment', p_ids, v_outcomes, p_modified);
    return query select * from put_rows(v_outcomes, array(select case when i.outcome = 'not_authoritative' then i.other end
                                                          from unnest(v_outcomes, v_elsewhere) with ordinality as i (outcome, other, place)
                                                          order by i.place),
                                        '{"class_unknown": "/class", "out_of_scope": "/class", "learner_unknown": "/learner",
                                          "id_reused": "/id", "not_authoritative": "/learner"}')
                 union all
                 select * from put_warnings(v_outcomes, v_overlapping, 'homeroom_overlaps', '/from');
end $$;
