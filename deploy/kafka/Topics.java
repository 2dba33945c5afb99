import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/**
 * Makes the topics and the ACLs that the services' descriptions ask for.
 *
 * <p>java -cp 'libs/*' Topics.java OBSERVER < descriptions.json, with EISO_KAFKA and EISO_KAFKA_CONFIG (a librdkafka
 * properties file). Topics that are there are left as they are; ACLs become exactly those described: what nobody
 * asks for any more is taken away.
 */
public final class Topics {
    private static final String PREFIX = "eiso.";

    public static void main(String[] arguments) throws Exception {
        JsonNode services = new ObjectMapper().readTree(System.in);
        try (Admin admin = Admin.create(settings())) {
            createTopics(admin, services);
            replaceAcls(admin, acls(services, arguments[0]));
        }
    }

    private static Properties settings() throws Exception {
        Properties login = new Properties();
        try (var reader = Files.newBufferedReader(Path.of(System.getenv("EISO_KAFKA_CONFIG")))) {
            login.load(reader);
        }
        Properties settings = new Properties();
        settings.put("bootstrap.servers", System.getenv("EISO_KAFKA"));
        settings.put("security.protocol", login.getProperty("security.protocol"));
        settings.put("sasl.mechanism", login.getProperty("sasl.mechanism"));
        settings.put("sasl.jaas.config", String.format(
                "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"%s\" password=\"%s\";",
                login.getProperty("sasl.username"), login.getProperty("sasl.password")));
        return settings;
    }

    private static void createTopics(Admin admin, JsonNode services) throws Exception {
        Set<String> present = admin.listTopics().names().get();
        Map<String, NewTopic> missing = new HashMap<>();
        for (JsonNode service : services) {
            for (JsonNode topic : service.path("topics")) {
                String name = topic.get("name").asText();
                if (!present.contains(name)) {
                    missing.put(name, newTopic(name, topic));
                }
            }
        }
        admin.createTopics(missing.values()).all().get();
        System.out.printf("  topics      %d made, %d there%n", missing.size(), present.size());
    }

    private static NewTopic newTopic(String name, JsonNode topic) {
        Map<String, String> config = new HashMap<>();
        topic.path("config").properties().forEach(field -> config.put(field.getKey(), field.getValue().asText()));
        return new NewTopic(name, topic.get("partitions").asInt(), (short) 1).configs(config);
    }

    private static Set<AclBinding> acls(JsonNode services, String observer) {
        Set<AclBinding> wanted = new HashSet<>();
        for (JsonNode service : services) {
            for (JsonNode acl : service.path("acls")) {
                String principal = service.get("service").asText() + "-" + acl.get("role").asText();
                ResourcePattern resource = new ResourcePattern(ResourceType.fromString(acl.get("resource").asText()),
                        acl.get("name").asText(), PatternType.fromString(acl.path("pattern").asText("literal").toUpperCase()));
                for (JsonNode operation : acl.get("operations")) {
                    wanted.add(allow(principal, resource, operation.asText()));
                }
            }
            for (JsonNode topic : service.path("observer_topics")) {
                ResourcePattern resource = new ResourcePattern(ResourceType.TOPIC, topic.asText(), PatternType.LITERAL);
                wanted.add(allow(observer, resource, "read"));
            }
        }
        wanted.add(allow(observer, group(observer + "."), "read"));
        wanted.add(allow(observer, group(PREFIX), "describe")); // lag
        return wanted;
    }

    private static ResourcePattern group(String prefix) {
        return new ResourcePattern(ResourceType.GROUP, prefix, PatternType.PREFIXED);
    }

    private static AclBinding allow(String principal, ResourcePattern resource, String operation) {
        return new AclBinding(resource, new AccessControlEntry("User:" + principal, "*",
                AclOperation.fromString(operation), AclPermissionType.ALLOW));
    }

    private static void replaceAcls(Admin admin, Set<AclBinding> wanted) throws Exception {
        Set<AclBinding> present = new HashSet<>(admin.describeAcls(AclBindingFilter.ANY).values().get());
        Set<AclBinding> missing = new HashSet<>(wanted);
        missing.removeAll(present);
        admin.createAcls(missing).all().get();
        List<AclBindingFilter> surplus = new ArrayList<>();
        for (AclBinding acl : present) {
            if (!wanted.contains(acl)) {
                surplus.add(acl.toFilter());
            }
        }
        admin.deleteAcls(surplus).all().get();
        System.out.printf("  ACLs        %d made, %d taken away, %d in all%n", missing.size(), surplus.size(), wanted.size());
    }
}
