import java.util.Map;
import java.util.TreeMap;
import org.apache.cassandra.config.Config;
import org.apache.cassandra.config.DefaultLoader;
import org.apache.cassandra.config.Replacement;
import org.apache.cassandra.config.Replacements;

/** Prints the keys of a cassandra.yaml, and those of versions before with their new names, from the product's own loader; run by catalog/relock. */
class CassandraKeys {
    public static void main(String[] arguments) {
        Map<String, ?> known = new DefaultLoader().getProperties(Config.class);
        System.out.println("[config_keys]");
        known.keySet().forEach(System.out::println);
        Map<String, String> former = new TreeMap<>();
        for (Replacement replacement : Replacements.getNameReplacements(Config.class).getOrDefault(Config.class, Map.of()).values()) {
            if (!replacement.oldName.equals(replacement.newName)) {
                former.put(replacement.oldName, replacement.newName);
            }
        }
        System.out.println("[former_config_keys]");
        former.forEach((was, now) -> System.out.println(was + " = " + now));
    }
}
