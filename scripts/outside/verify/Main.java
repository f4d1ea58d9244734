import java.util.*;

class Main {
    public static void main(String[] arguments) throws Exception {
        for (Scanner in = new Scanner(System.in); in.hasNextLine(); ) {
            String[] words = in.nextLine().split(" ");
            byte[][] parts = new byte[4][];
            for (int i = 0; i < 4; i++) {
                parts[i] = words[4 + i].equals("=") ? new byte[0] : Base64.getDecoder().decode(words[4 + i]);
            }
            List<String> keys = List.of(new String(parts[0]).split(","));
            Map<String, String> headers = new HashMap<>();
            for (String line : new String(parts[2]).split("\n")) {
                String[] pair = line.split(": ", 2);
                headers.put(pair[0], pair.length > 1 ? pair[1] : "");
            }
            long now = Long.parseLong(words[2]);
            Optional<String> id = words[1].equals("standard") ? Webhooks.verify(keys, headers, parts[3], now) : Optional.empty();
            if (words[1].equals("timed")) {
                for (String key : keys) {
                    for (String one : headers.get("signatures").split(" ")) {
                        if (Webhooks.verifyTimed(key, headers.get("timestamp"), one, parts[3], now)) id = Optional.of(words[3]);
                    }
                }
            }
            boolean seen = id.isPresent() && List.of(new String(parts[1]).split(",")).contains(id.get());
            System.out.println(words[0] + " " + (id.isEmpty() ? "refuse" : seen ? "duplicate" : "accept"));
        }
    }
}
