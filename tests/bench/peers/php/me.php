<?php
// GET /me in PHP: PDO with a persistent connection. Statements are emulated (PDO's default) or prepared, as the path
// says. A prepared one does not outlive the request here, so it costs two more round trips each time.

function uuid(string $bytes): string
{
	return vsprintf('%s%s-%s-%s-%s-%s%s%s', str_split(bin2hex($bytes), 4));
}

function rfc3339(int $us): string
{
	return gmdate('Y-m-d\TH:i:s', intdiv($us, 1000000)) . sprintf('.%06dZ', $us % 1000000);
}

function row(PDO $db, string $text, string $argument): array|false
{
	$statement = $db->prepare($text);
	$statement->execute([$argument]);
	return $statement->fetch(PDO::FETCH_ASSOC);
}

$at = 'mysql:unix_socket=' . $_SERVER['BENCH_DATABASE'] . ';dbname=marketingcli';
$db = new PDO($at, 'bench', $_SERVER['BENCH_PASSWORD'], [PDO::ATTR_PERSISTENT => true]);
$db->setAttribute(PDO::ATTR_EMULATE_PREPARES, str_ends_with($_SERVER['STATEMENTS'], '/emulated'));
$hash = hash('sha256', substr($_SERVER['HTTP_AUTHORIZATION'] ?? '', strlen('Bearer ')), true);
$key = row($db, $_SERVER['BENCH_KEY_BY_HASH'], $hash);
header('Content-Type: application/json');
if ($key === false || $key['revoked_at_us'] !== null || $key['user_state'] !== 'active') {
	http_response_code(401);
	exit('{}');
}
$user = row($db, $_SERVER['BENCH_USER_BY_ID'], $key['user_id']);
echo json_encode([
	'data' => [
		'id' => uuid($user['id']),
		'email' => $user['email'],
		'name' => $user['name'],
		'created_at' => rfc3339($user['created_at_us']),
		'key' => ['id' => uuid($key['id']), 'name' => $key['name'], 'prefix' => $key['prefix']],
	],
	'meta' => ['request_id' => $_SERVER['REQUEST_ID']],
], JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
