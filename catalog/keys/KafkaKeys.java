import java.lang.reflect.Method;
import java.util.Collection;

/** Prints the configuration keys a Kafka version knows, from its own definitions; run by catalog/relock. */
class KafkaKeys {
    public static void main(String[] arguments) throws Exception {
        Object broker = Class.forName("org.apache.kafka.server.config.AbstractKafkaConfig").getField("CONFIG_DEF").get(null);
        Method names = broker.getClass().getMethod("names");
        System.out.println("[config_keys]");
        ((Collection<?>) names.invoke(broker)).forEach(System.out::println);
        System.out.println("[topic_config_keys]");
        Class<?> topic = Class.forName("org.apache.kafka.storage.internals.log.LogConfig");
        ((Collection<?>) topic.getMethod("configNames").invoke(null)).forEach(System.out::println);
    }
}
