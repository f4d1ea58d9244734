require_relative "block"

$stdin.each_line(chomp: true) do |line|
  name, kind, now, given, *encoded = line.split(" ")
  keys, seen, lines, body = encoded.map { |word| word.unpack1("m") }
  headers = lines.lines(chomp: true).to_h { |header| header.split(": ", 2) }
  id = verify(keys.split(","), headers, body, now.to_i) if kind == "standard"
  if kind == "timed"
    tries = keys.split(",").product([*headers["signatures"].to_s.split(" "), ""])
    id = given if tries.any? { |key, one| verify_timed(key, headers["timestamp"].to_s, one, body, now.to_i) }
  end
  puts "#{name} #{id.nil? ? 'refuse' : seen.split(',').include?(id) ? 'duplicate' : 'accept'}"
end
