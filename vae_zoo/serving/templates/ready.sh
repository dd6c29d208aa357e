# A model's status is 200 in any state, a version's metadata only once it is
# AVAILABLE. The image has bash but no curl.
for model in {{ models | map(attribute="name") | join(" ") }}; do
  exec 3<>/dev/tcp/127.0.0.1/8501 || exit 1
  printf "GET /v1/models/$model/labels/stable/metadata HTTP/1.0\r\n\r\n" >&3
  read -r _ status _ <&3
  [ "$status" = 200 ] || exit 1
done
