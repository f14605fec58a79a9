import com.datastax.oss.driver.api.core.ConsistencyLevel;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/**
 * An independent client of Cassandra, on the project's own Java driver: writes rows at LOCAL_QUORUM at a steady rate until all
 * are written or its standard input ends, or reads all that are there at LOCAL_QUORUM. Says what it does as a JSON object a line.
 *
 * java Quorum.java write CONTACT,POINTS DC KEYSPACE FIRST ROWS PER_SECOND
 * java Quorum.java read CONTACT,POINTS DC KEYSPACE
 */
final class Quorum {
    /** More are not sent before some are answered. */
    private static final int UNDERWAY = 256;

    public static void main(String[] arguments) throws Exception {
        // A statement may wait for a busy machine; it is an error only if the ring does not take it.
        var patience = DriverConfigLoader.programmaticBuilder()
                .withDuration(DefaultDriverOption.REQUEST_TIMEOUT, Duration.ofSeconds(12))
                .withDuration(DefaultDriverOption.CONNECTION_INIT_QUERY_TIMEOUT, Duration.ofSeconds(12))
                .build();
        var builder = CqlSession.builder()
                .withConfigLoader(patience)
                .withLocalDatacenter(arguments[2])
                .withKeyspace(arguments[3]);
        Arrays.stream(arguments[1].split(","))
                .map(address -> address.contains(":") ? address.substring(0, address.indexOf(':')) : address)
                .forEach(address -> builder.addContactPoint(new InetSocketAddress(address, 9042)));
        try (var session = builder.build()) {
            if (arguments[0].equals("write")) {
                var numbers = Arrays.stream(arguments).skip(4).mapToLong(Long::parseLong).toArray();
                write(session, numbers[0], numbers[1], numbers[2]);
            } else {
                read(session);
            }
        } catch (Exception failure) {
            System.out.printf("{\"name\":\"failed\",\"first\":\"%s\"}%n", quoted(failure));
            System.exit(1);
        }
    }

    private static String quoted(Throwable failure) {
        return failure.toString().replace('"', '\'').replace('\\', '/').replace('\n', ' ');
    }

    private static void write(CqlSession session, long firstId, long rows, long perSecond) throws Exception {
        session.execute("CREATE TABLE IF NOT EXISTS written (id bigint PRIMARY KEY, text text)");
        session.checkSchemaAgreement();
        PreparedStatement insert = session.prepare("INSERT INTO written (id, text) VALUES (?, ?)");
        var written = new AtomicLong();
        var errors = new AtomicLong();
        var first = new AtomicReference<>("");
        var underway = new Semaphore(UNDERWAY);
        var goesOn = new AtomicBoolean(true);
        var listener = new Thread(() -> {
            try {
                System.in.transferTo(OutputStream.nullOutputStream());
            } catch (IOException failure) {
                System.out.printf("{\"name\":\"failed\",\"first\":\"%s\"}%n", quoted(failure));
            }
            goesOn.set(false);
        });
        listener.setDaemon(true);
        listener.start();
        var began = System.nanoTime();
        long number = 0;
        for (; number < rows && goesOn.get(); number++) {
            var due = began + number * 1_000_000_000L / perSecond;
            var left = due - System.nanoTime();
            if (left > 0) {
                Thread.sleep(left / 1_000_000, (int) (left % 1_000_000));
            }
            underway.acquire();
            var id = firstId + number;
            var statement = insert.bind(id, "row " + id).setConsistencyLevel(ConsistencyLevel.LOCAL_QUORUM).setIdempotent(true);
            session.executeAsync(statement).whenComplete((result, error) -> {
                underway.release();
                if (error == null) {
                    written.incrementAndGet();
                } else {
                    errors.incrementAndGet();
                    first.compareAndSet("", quoted(error));
                }
            });
            if (number % perSecond == perSecond - 1) {
                System.out.printf("{\"name\":\"progress\",\"sent\":%d,\"written\":%d,\"errors\":%d}%n", number + 1, written.get(), errors.get());
            }
        }
        for (var waits = 0; written.get() + errors.get() < number && waits < 600; waits++) {
            Thread.sleep(100);
        }
        System.out.printf(
                "{\"name\":\"done\",\"sent\":%d,\"written\":%d,\"errors\":%d,\"first\":\"%s\"}%n",
                number, written.get(), errors.get(), first.get());
    }

    /** How many rows there are, and a sum over their ids and texts that does not depend on their order. */
    private static void read(CqlSession session) {
        var all = SimpleStatement.newInstance("SELECT id, text FROM written")
                .setConsistencyLevel(ConsistencyLevel.LOCAL_QUORUM);
        long found = 0;
        long checksum = 0;
        for (Row row : session.execute(all)) {
            found++;
            checksum += (row.getLong(0) + 1) * row.getString(1).hashCode();
        }
        System.out.printf("{\"name\":\"done\",\"found\":%d,\"checksum\":%d}%n", found, checksum);
    }
}
