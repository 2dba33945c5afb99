-- What a learner's guardians hear comes in the order of the events of each partition; marks and registers are topics of their own.
insert into want.difference (place, id, words, item)
select 'notify''s order', event || '/' || learner,
       format('%s[%s]@%s stands behind @%s in the feed', topic, partition, "offset", before), event
from (select f.event, f.learner, e.topic, e.partition, e."offset",
             lag(e."offset") over (partition by coalesce(a.canonical, f.learner), e.topic, e.partition
                                   order by f.epoch, f.xid, f.seq) as before
      from notify.standing_feed f
           join (select 'mark' as topic, partition, "offset", id from topic.effective_mark
                 union all select 'register', partition, "offset", id from topic.effective_register) e on e.id = f.event
           left join registry.alias a on a.id = f.learner) f
where "offset" < before;
