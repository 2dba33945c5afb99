-- Which events count: not those that were sent again, nor those that their source has lost (ghosts: above the cut of a later
-- history.rewound in their partition, of an older epoch, and not among its survivors).
analyze topic.mark, topic.register, topic.rewound, topic.survivors;

create temp view placed as
select 'mark' as topic, partition, "offset", epoch, xid, seq, index, again, id from topic.mark
union all select 'register', partition, "offset", epoch, xid, seq, index, again, id from topic.register;

create unlogged table topic.ghost as
select distinct p.topic, p.partition, p."offset", p.id
from topic.rewound r join placed p on p.topic = r.topic and p.partition = r.partition and p."offset" < r."offset" and p.epoch < r.epoch
where array[p.epoch, p.xid, p.seq] > r.cut and array[p.epoch, p.xid, p.seq] > r.above and array[p.epoch, p.xid, p.seq] <= r.up_to
  and not exists (select from topic.survivors s
                  where s.topic = r.topic and s.partition = r.partition and s."offset" = r."offset" and s.epoch = p.epoch
                    and p.xid between s.from_xid and s.to_xid);
analyze topic.ghost;

insert into want.difference (place, id, words, item)
select format('%s[%s]@%s', a.topic, a.partition, a."offset"), a.id::text, 'comes behind others, and was not sent before', a.id
from placed a
where a.again and not exists (
    select from placed p where p.topic = a.topic and p.partition = a.partition and not p.again
                           and (p.epoch, p.xid, p.seq, p.index) = (a.epoch, a.xid, a.seq, a.index));

-- The first event of an epoch names the last one that its source has: what is between the two in the partition are ghosts.
insert into want.difference (place, id, words, item)
select format('%s[%s]@%s', p.topic, p.partition, p."offset"), p.id::text,
       format('is passed over by the epoch at offset %s, and no ghost', r."offset"), p.id
from topic.rewound r join placed p on p.topic = r.topic and p.partition = r.partition and p."offset" < r."offset" and not p.again
where array[p.epoch, p.xid, p.seq, p.index] > r.previous
  and not exists (select from topic.ghost g where (g.topic, g.partition, g."offset") = (p.topic, p.partition, p."offset"));

create view topic.effective_mark as
select m.* from topic.mark m
where not m.again and not exists (
    select from topic.ghost g where g.topic = 'mark' and g.partition = m.partition and g."offset" = m."offset");
-- A recounted one is nobody's item: its roster was shortened when two ids turned out to be one learner (rosters.sql, indicators.sql).
create view topic.effective_register as
select r.* from topic.register r
where not r.again and r.type <> 'recounted' and not exists (
    select from topic.ghost g where g.topic = 'register' and g.partition = r.partition and g."offset" = r."offset");
